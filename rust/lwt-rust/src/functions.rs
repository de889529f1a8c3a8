//! Rust functions that are values in OCaml.

use std::{any::Any, fmt, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use crate::{
    bindings::Type,
    callbacks::{Callback, call_back},
    convert::{self, Content, FromOcaml, IntoOcaml, MOST_BYTES, OcamlType, Seen, error_in},
    error::{Error, Exception, uninitialised},
    ocaml::{Lock, Root, Val},
};

/// A Rust function that OCaml gets as a function `a -> b`, in a result, a record or anywhere
/// else.
///
/// The components of a tuple are its arguments, as for a [`Closure`](crate::Closure): a
/// `RustFn<(String, u32), bool>` is `string -> int -> bool`, and a `RustFn<(), ()>` is
/// `unit -> unit`.
///
/// ```
/// use std::sync::Mutex;
///
/// use lwt_rust::{Closure, RustFn, func};
///
/// static LISTENERS: Mutex<Vec<(u64, Closure<String, ()>)>> = Mutex::new(Vec::new());
///
/// /// `val subscribe : int -> (string -> unit) -> unit -> unit`
/// #[func]
/// fn subscribe(id: u64, listener: Closure<String, ()>) -> RustFn<(), ()> {
///     LISTENERS.lock().expect("nothing has panicked").push((id, listener));
///     RustFn::new(move |()| {
///         let mut listeners = LISTENERS.lock().expect("nothing has panicked");
///         listeners.retain(|(other, _)| *other != id);
///         Ok(())
///     })
/// }
/// # lwt_rust::library! { subscribe }
/// ```
///
/// Any thread of any OCaml domain may call the function, several at once, and any thread may drop
/// it: it is dropped when OCaml's collector finds that OCaml does not need it any more. It runs on
/// the thread that calls it, holding the lock of the domain, as a plain `fn` with
/// [`func`](crate::func) does. An `Err` and a panic are exceptions in OCaml.
pub struct RustFn<A, B> {
    made: Arc<Made>,
    size: usize,
    types: PhantomData<fn(A) -> B>,
}

/// A Rust function that OCaml gets as a function `a -> b Lwt.t`, in a result, a record or
/// anywhere else. It is as a [`RustFn`], but its future runs as that of an `async fn` with
/// [`func`](crate::func) does: to its first wait at once, and then as a task of the domain that has
/// called it. When OCaml cancels the promise, the future is dropped. Only the domain of the Lwt loop
/// may call it: in any other one it raises `Invalid_argument`, and nothing is begun.
///
/// ```
/// use std::time::Duration;
///
/// use lwt_rust::{RustLwtFn, func};
///
/// /// `val delay : float -> (string -> string Lwt.t)`
/// #[func]
/// fn delay(time: Duration) -> RustLwtFn<String, String> {
///     RustLwtFn::new(move |text: String| async move {
///         tokio::time::sleep(time).await;
///         Ok(text)
///     })
/// }
/// # lwt_rust::library! { delay }
/// ```
pub struct RustLwtFn<A, B> {
    made: Arc<Made>,
    size: usize,
    types: PhantomData<fn(A) -> B>,
}

/// A function, whose arguments were read and whose result is to be converted.
type Run = Box<dyn FnOnce() -> Result<Produced, Error>>;
type Running = Pin<Box<dyn Future<Output = Result<Produced, Error>> + Send>>;

/// Reads the arguments of a function, and begins it.
type Begins<R> = dyn Fn(Val<'_>) -> Result<R, Error> + Send + Sync;

/// What OCaml holds.
pub(crate) struct Made {
    arity: usize,
    is_of_executor: fn() -> bool,
    begin: Begin,
}

enum Begin {
    Now(Box<Begins<Run>>),
    Later(Box<Begins<Running>>),
}

type Convert = dyn FnOnce(&mut Lock) -> Result<Root, Error> + Send;

/// A result. OCaml's compiler knows its type by that of the function.
pub(crate) struct Produced(Box<Convert>);

impl Produced {
    fn of<B: IntoOcaml + Send + 'static>(value: B) -> Self {
        Produced(Box::new(|lock| convert::root(value, lock)))
    }
}

// SAFETY: OCaml knows the type by that of the function, which has made a `B`.
unsafe impl OcamlType for Produced {
    const TYPE: Type = Type::named("Obj.t");
}

// SAFETY: as for its type.
unsafe impl IntoOcaml for Produced {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let value = (self.0)(lock)?;
        Ok(value.get(lock))
    }
}

/// Reads the arguments of a function that takes an `A`.
///
/// # Safety
///
/// They have the OCaml type of `A`, or are a tuple of them if there are several.
unsafe fn arguments<A: FromOcaml>(value: Val<'_>) -> Result<A, Error> {
    // SAFETY: the caller promises it.
    unsafe { A::from_ocaml(value) }
        .map_err(|error| error_in("the argument of a Rust function", error))
}

fn is_of_executor<A: FromOcaml>() -> bool {
    A::MAY_BE_OF_EXECUTOR && A::is_of_executor(&mut Seen::default())
}

impl<A, B> RustFn<A, B>
where
    A: FromOcaml + 'static,
    B: IntoOcaml + Send + 'static,
{
    /// A function for OCaml.
    pub fn new(function: impl Fn(A) -> Result<B, Error> + Send + Sync + 'static) -> Self {
        let function = Arc::new(function);
        let begin = move |value: Val<'_>| {
            // SAFETY: OCaml knows the function by its type.
            let arguments: A = unsafe { arguments(value) }?;
            let function = function.clone();
            let run: Run = Box::new(move || function(arguments).map(Produced::of));
            Ok(run)
        };
        RustFn {
            made: Arc::new(Made {
                arity: A::PARAMETERS.len(),
                is_of_executor: is_of_executor::<A>,
                begin: Begin::Now(Box::new(begin)),
            }),
            size: size_of::<Made>(),
            types: PhantomData,
        }
    }
}

impl<A, B> RustLwtFn<A, B>
where
    A: FromOcaml + Send + 'static,
    B: IntoOcaml + Send + 'static,
{
    /// A function for OCaml.
    pub fn new<F>(function: impl Fn(A) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<B, Error>> + Send + 'static,
    {
        let function = Arc::new(function);
        let begin = move |value: Val<'_>| {
            // SAFETY: OCaml knows the function by its type.
            let arguments: A = unsafe { arguments(value) }?;
            let function = function.clone();
            let running: Running =
                Box::pin(async move { function(arguments).await.map(Produced::of) });
            Ok(running)
        };
        RustLwtFn {
            made: Arc::new(Made {
                arity: A::PARAMETERS.len(),
                is_of_executor: || true,
                begin: Begin::Later(Box::new(begin)),
            }),
            size: size_of::<Made>(),
            types: PhantomData,
        }
    }
}

impl<A, B> RustFn<A, B> {
    /// Tells OCaml's collector about how many bytes the function keeps, such as those of a buffer
    /// that it has captured. The collector runs the earlier, the more memory such functions keep.
    pub fn with_size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }
}

impl<A, B> RustLwtFn<A, B> {
    /// As [`RustFn::with_size`].
    pub fn with_size(mut self, bytes: usize) -> Self {
        self.size = bytes;
        self
    }
}

impl Made {
    /// The function within a value that [`into_ocaml`](Made::into_ocaml) has given to OCaml.
    pub(crate) fn of(value: Val<'_>) -> Result<Arc<Self>, Error> {
        let wrong = || Error::message("not a function of Lwt_rust");
        let content = Content::of(value)
            .and_then(Content::get)
            .ok_or_else(wrong)?;
        content.downcast().map_err(|_| wrong())
    }

    /// Whether the function needs the executor of the domain.
    pub(crate) fn is_of_executor(&self) -> bool {
        (self.is_of_executor)()
    }

    /// Begins a function that returns no promise.
    pub(crate) fn run(&self, arguments: Val<'_>) -> Result<Run, Error> {
        match &self.begin {
            Begin::Now(begin) => begin(arguments),
            Begin::Later(_) => Err(Error::message("this function returns a promise")),
        }
    }

    /// Begins a function that returns a promise.
    pub(crate) fn start(&self, arguments: Val<'_>) -> Result<Running, Error> {
        match &self.begin {
            Begin::Later(begin) => begin(arguments),
            Begin::Now(_) => Err(Error::message("this function returns no promise")),
        }
    }

    /// An OCaml function.
    fn into_ocaml(self: Arc<Self>, size: usize, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let arity = convert::root(self.arity, lock)?;
        let is_later = convert::root(matches!(self.begin, Begin::Later(_)), lock)?;
        let held: Arc<dyn Any + Send + Sync> = self;
        let held = Root::new(Content::new(held).into_ocaml(lock, size.min(MOST_BYTES)));
        match call_back(lock, Callback::MakeFunction, &[&held, &arity, &is_later]) {
            Some(Ok(function)) => {
                let function = Root::new(function);
                Ok(function.get(lock))
            }
            Some(Err(raised)) => Err(Exception::raised(lock, raised).into()),
            None => Err(uninitialised()),
        }
    }
}

/// `a -> b`; `a1 -> a2 -> b` if `A` is a tuple
// SAFETY: OCaml's function takes arguments of these types, which are read as an `A`, and returns
// what is made of a `B`. The function is `'static`.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for RustFn<A, B> {
    const TYPE: Type = Type::arrow(A::PARAMETERS, &B::TYPE);
}

// SAFETY: as for its type.
unsafe impl<A: OcamlType, B: OcamlType> IntoOcaml for RustFn<A, B> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        self.made.into_ocaml(self.size, lock)
    }
}

/// `a -> b Lwt.t`; `a1 -> a2 -> b Lwt.t` if `A` is a tuple
// SAFETY: as for `RustFn`, with a result that OCaml gets in a promise.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for RustLwtFn<A, B> {
    const TYPE: Type = Type::arrow(A::PARAMETERS, &Type::applied(&B::TYPE, "Lwt.t"));
}

// SAFETY: as for its type.
unsafe impl<A: OcamlType, B: OcamlType> IntoOcaml for RustLwtFn<A, B> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        self.made.into_ocaml(self.size, lock)
    }
}

impl<A, B> Clone for RustFn<A, B> {
    fn clone(&self) -> Self {
        RustFn {
            made: self.made.clone(),
            size: self.size,
            types: PhantomData,
        }
    }
}

impl<A, B> Clone for RustLwtFn<A, B> {
    fn clone(&self) -> Self {
        RustLwtFn {
            made: self.made.clone(),
            size: self.size,
            types: PhantomData,
        }
    }
}

impl<A, B> fmt::Debug for RustFn<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RustFn(..)")
    }
}

impl<A, B> fmt::Debug for RustLwtFn<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RustLwtFn(..)")
    }
}
