//! OCaml closures that Rust calls.

use std::{marker::PhantomData, sync::Arc};

use once_cell::sync::OnceCell;

use crate::{
    bindings::Type,
    callbacks::{Callback, call_back},
    convert::{FromOcaml, IntoOcaml, OcamlType, mismatch},
    error::Error,
    executor::{Ask, DomainExecutor, Handle},
    ffi::{self, Lock, Root, Val},
    promise::Promise,
};

/// A Lwt closure, and the context in which it is called: it sees the values of
/// `Lwt.with_value` of the call that it was given to.
pub(crate) struct Function {
    closure: Root,
    /// `context` of `lib/raw.ml`; `()` if the closure was given to no call.
    context: OnceCell<Root>,
}

impl Function {
    pub(crate) fn closure(&self) -> &Root {
        &self.closure
    }

    pub(crate) fn context(&self) -> &Root {
        const NONE: &Root = &Root::UNIT;
        self.context.get().unwrap_or(NONE)
    }
}

impl DomainExecutor {
    /// Forgets closures that an earlier stub has read. A stub calls it before it reads its
    /// arguments.
    #[inline]
    pub(crate) fn forget_taken(&self) {
        if self.has_taken.replace(false) {
            drop(self.taken.take());
        }
    }

    /// Notes a closure that the running stub has read.
    fn take_up(&self, function: Arc<Function>) {
        self.taken.borrow_mut().push(function);
        self.has_taken.set(true);
    }

    /// Gives the closures that the running stub has read to its call. A stub calls it when
    /// it has read its arguments. Returns the context of the call, or `()` if there are no
    /// closures.
    #[inline]
    pub(crate) fn give_context(&self, lock: &mut Lock) -> Result<Root, Error> {
        match self.has_taken.replace(false) {
            true => self.give_context_now(lock),
            false => Ok(Root::UNIT),
        }
    }

    #[cold]
    fn give_context_now(&self, lock: &mut Lock) -> Result<Root, Error> {
        let taken = self.taken.take();
        let context = match call_back(lock, Callback::CaptureContext, &[&Root::UNIT]) {
            // It is an error if OCaml has no memory, or if the handler of a signal raises.
            Some(captured) => Root::new(captured?),
            None => Root::UNIT,
        };
        for function in taken {
            let _ = function.context.set(Root::new(context.get(lock)));
        }
        Ok(context)
    }
}

/// An OCaml function of type `'a -> 'b Lwt.t`.
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
    /// of the function's domain, OCaml calls the function when the task next waits, before
    /// the loop goes on. From any other thread, the domain calls it soon. So a task that
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
            Ok(Ask::Call(function, argument))
        };
        // SAFETY: the closure holds the function, which borrows nothing, and the argument,
        // which can be converted.
        unsafe { Promise::asked(self.handle, ask) }
    }
}

/// Keeps a value that has to be a function.
fn function(value: Val<'_>) -> Result<Root, Error> {
    match value.is_function() {
        true => Ok(Root::new(value)),
        false => Err(mismatch("a function")),
    }
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

/// `a -> b Lwt.t`
// SAFETY: the value is an OCaml function that was read as one of this type. It is called
// with an `A`, and the value of its promise is read as a `B`. It borrows nothing.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for LwtFn<A, B> {
    const TYPE: Type = Type::arrow(&A::TYPE, &Type::applied(&B::TYPE, "Lwt.t"));
}

impl<A: OcamlType, B: OcamlType> FromOcaml for LwtFn<A, B> {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let function = Arc::new(Function {
            closure: function(value)?,
            context: OnceCell::new(),
        });
        if let Some(executor) = ffi::executor() {
            executor.take_up(function.clone());
        }
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

/// An OCaml function of type `'a -> 'b`, which returns no promise.
///
/// Any thread may clone, send and drop it. Calling it takes the [`Lock`], so only a task of
/// a domain, or a function that OCaml has called, can call it.
pub struct Closure<A, B> {
    closure: Arc<Root>,
    types: PhantomData<fn(A) -> B>,
}

impl<A: IntoOcaml, B: FromOcaml> Closure<A, B> {
    /// Calls the function, in the domain of the calling thread, and returns its result.
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
    /// or the result cannot be converted.
    pub fn call(&self, lock: &mut Lock, argument: A) -> Result<B, Error> {
        let argument = Root::new(argument.into_ocaml(lock)?);
        let result = lock.call(&self.closure, &[&argument])?;
        // SAFETY: the function was read as one that returns a `B`.
        unsafe { B::from_ocaml(result) }
    }
}

/// `a -> b`
// SAFETY: as for `LwtFn`, with a result that is read as a `B`.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for Closure<A, B> {
    const TYPE: Type = Type::arrow(&A::TYPE, &B::TYPE);
}

impl<A: OcamlType, B: OcamlType> FromOcaml for Closure<A, B> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(Closure {
            closure: Arc::new(function(value)?),
            types: PhantomData,
        })
    }
}

impl<A, B> Clone for Closure<A, B> {
    fn clone(&self) -> Self {
        Closure {
            closure: self.closure.clone(),
            types: PhantomData,
        }
    }
}

impl<A, B> std::fmt::Debug for Closure<A, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Closure(..)")
    }
}
