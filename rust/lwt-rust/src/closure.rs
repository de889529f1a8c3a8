//! OCaml closures that Rust calls.

use std::{marker::PhantomData, sync::Arc};

use crate::{
    bindings::Type,
    callbacks::{Callback, callback},
    convert::{FromOcaml, IntoOcaml, OcamlType, error_in, mismatch, room_for_ocaml},
    domain::{self, Ask, Function, Handle, Returns, capture_before_ocaml, keep_budget},
    error::{Error, Exception, uninitialised},
    ocaml::{Lock, Root, Val},
    promise::Promise,
};

/// An OCaml function of type `'a -> 'b Lwt.t`.
///
/// The components of a tuple are its arguments: a `LwtFn<(String, u32), bool>` is `string -> int ->
/// bool Lwt.t`, and a `LwtFn<(), bool>` is `unit -> bool Lwt.t`. If the argument itself is a tuple,
/// write it within another one: a `LwtFn<((String, u32),), bool>` is `string * int -> bool Lwt.t`.
///
/// ```
/// # use lwt_rust::{Error, LwtFn, func};
/// /// `val ask : (string -> int -> bool Lwt.t) -> bool Lwt.t`
/// #[func]
/// async fn ask(f: LwtFn<(String, u32), bool>) -> Result<bool, Error> {
///     f.call(("question".to_owned(), 1)).await
/// }
/// # lwt_rust::library! { ask }
/// ```
///
/// It can be called any number of times, from a task of its domain and from any
/// other thread, and it can be cloned and dropped anywhere.
pub struct LwtFn<A, B> {
    function: Arc<Function>,
    handle: Handle,
    types: PhantomData<fn(A) -> B>,
}

impl<A, B> LwtFn<A, B>
where
    A: IntoOcaml + Send,
    B: FromOcaml + Send,
{
    /// Calls the function, whether or not the promise is awaited. If the caller is a task
    /// of the function's domain, OCaml calls the function when the task next waits or ends,
    /// before the loop goes on. From any other thread, the domain calls it when its loop, or
    /// `Lwt_rust.Executor.run`, next goes on. So a task that
    /// awaits the promise at once goes on in the same turn, if the function's promise is
    /// settled by then.
    ///
    /// The function runs while no Rust code runs in its domain. So it may block, run a
    /// loop, perform effects and end the program, as it could without Rust. It sees the
    /// values that `Lwt.with_value` has set for the call that it was given to.
    ///
    /// If the function raises an exception, the promise is rejected with it.
    ///
    /// # Cancellation
    ///
    /// Dropping the promise cancels the Lwt promise that the function returned: see
    /// [`Promise`].
    pub fn call(&self, argument: A) -> Promise<B> {
        let function = self.function.clone();
        let ask = move |lock: &mut Lock| {
            let argument = Root::new(argument.into_ocaml(lock)?);
            match A::PARAMETERS.len() {
                1 => Ok(Ask::Call(function, argument)),
                _ => {
                    let (function, argument) = with_tuple(&function, &argument, lock)?;
                    Ok(Ask::Call(Arc::new(function), argument))
                }
            }
        };
        // SAFETY: the closure holds the function, which borrows nothing, and the argument,
        // which can be converted.
        unsafe { Promise::asked(self.handle, ask) }
    }
}

impl<B> LwtFn<(), B> {
    /// Calls the function, whose promise nobody awaits. Unlike a call that is detached, it
    /// happens even while the executor of the domain is being closed, if the caller is a task
    /// of the domain.
    pub(crate) fn tell(&self) {
        match self.handle.executor_here() {
            Some(executor) => executor.tell(self.function.clone(), Root::UNIT),
            None => {
                let (function, handle) = (self.function.clone(), self.handle);
                self.handle.run_there(async move {
                    if let Some(executor) = handle.executor_here() {
                        executor.tell(function, Root::UNIT);
                    }
                });
            }
        }
    }
}

/// Keeps a value that has to be a function.
fn function(value: Val<'_>) -> Result<Root, Error> {
    match value.is_function() {
        true => Ok(Root::new(value)),
        false => Err(mismatch("a function")),
    }
}

/// The function to call, and its argument, if the arguments are a tuple.
fn with_tuple(
    function: &Function,
    arguments: &Root,
    lock: &mut Lock,
) -> Result<(Function, Root), Error> {
    let calls = callback(Callback::CallWithTuple, lock).ok_or_else(uninitialised)?;
    let pair = Root::new(lock.block(0, &[function.closure(), arguments]));
    Ok((function.of_the_same_code(calls), pair))
}

impl<A, B> LwtFn<A, B> {
    /// The same function, called in the domain of `handle` instead of the domain that gave
    /// it. For example, [`Handle::of_lwt`] is the domain of the Lwt loop. OCaml's domains
    /// share their values, so the function must be safe to call there if it uses mutable
    /// ones.
    pub fn in_domain(mut self, handle: Handle) -> Self {
        self.handle = handle;
        self
    }
}

/// `a -> b Lwt.t`; `a1 -> a2 -> b Lwt.t` if `A` is a tuple
// SAFETY: the value is an OCaml function that was read as one of this type. It is called
// with an `A`, and the value of its promise is read as a `B`. It borrows nothing.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for LwtFn<A, B> {
    const TYPE: Type = Type::arrow(A::PARAMETERS, &Type::applied(&B::TYPE, "Lwt.t"));
}

impl<A: OcamlType, B: OcamlType> FromOcaml for LwtFn<A, B> {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let function = Arc::new(Function::new(function(value)?, Returns::Promise));
        Ok(LwtFn {
            function,
            handle: Handle::of_this_thread()?,
            types: PhantomData,
        })
    }
}

impl<A, B> Clone for LwtFn<A, B> {
    fn clone(&self) -> Self {
        LwtFn {
            function: self.function.clone(),
            handle: self.handle,
            types: PhantomData,
        }
    }
}

impl<A, B> std::fmt::Debug for LwtFn<A, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LwtFn(..)")
    }
}

/// An OCaml function of type `'a -> 'b`, which returns no promise. The components of a tuple are
/// its arguments: see [`LwtFn`].
///
/// Any thread may clone, send and drop it. Calling it takes the [`Lock`], so only a task of
/// a domain, or a function that OCaml has called, can call it.
pub struct Closure<A, B> {
    function: Arc<Function>,
    types: PhantomData<fn(A) -> B>,
}

impl<A: IntoOcaml, B: FromOcaml> Closure<A, B> {
    /// Calls the function, in the domain of the calling thread, and returns its result. The
    /// function sees the values that `Lwt.with_value` has set for the call that it was given
    /// to, unless a systhread calls it while another one runs the Lwt loop.
    ///
    /// ```no_run
    /// # use lwt_rust::{Closure, Error, with_lock};
    /// #[lwt_rust::func]
    /// async fn twice(f: Closure<i64, i64>, number: i64) -> Result<i64, Error> {
    ///     let once = with_lock(|lock| f.call(lock, number))?;
    ///     with_lock(|lock| f.call(lock, once))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Exception`] if the function raises an exception. A message if the argument
    /// or the result cannot be converted, or if the stack of the thread has no room left,
    /// since OCaml and Rust have called each other some thousand times within each other.
    pub fn call(&self, lock: &mut Lock, argument: A) -> Result<B, Error> {
        room_for_ocaml()?;
        let argument = Root::new(argument.into_ocaml(lock)?);
        if let Some(executor) = domain::here() {
            executor.before_ocaml();
        }
        capture_before_ocaml(lock)?;
        let with_several;
        let (function, argument) = match A::PARAMETERS.len() {
            1 => (&*self.function, &argument),
            _ => {
                with_several = with_tuple(&self.function, &argument, lock)?;
                (&with_several.0, &with_several.1)
            }
        };
        match keep_budget(|| function.call(lock, argument)) {
            Ok(result) => {
                // SAFETY: the function was read as one that returns a `B`.
                let read = || unsafe { B::from_ocaml(result) };
                (self.function.read_result(read))
                    .map_err(|error| error_in("the result of a closure", error))
            }
            Err(raised) => Err(Exception::raised(lock, raised).into()),
        }
    }
}

/// `a -> b`; `a1 -> a2 -> b` if `A` is a tuple
// SAFETY: as for `LwtFn`, with a result that is read as a `B`.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for Closure<A, B> {
    const TYPE: Type = Type::arrow(A::PARAMETERS, &B::TYPE);
}

impl<A: OcamlType, B: OcamlType> FromOcaml for Closure<A, B> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let function = Arc::new(Function::new(function(value)?, Returns::Value));
        Ok(Closure {
            function,
            types: PhantomData,
        })
    }
}

impl<A, B> Clone for Closure<A, B> {
    fn clone(&self) -> Self {
        Closure {
            function: self.function.clone(),
            types: PhantomData,
        }
    }
}

impl<A, B> std::fmt::Debug for Closure<A, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closure(..)")
    }
}
