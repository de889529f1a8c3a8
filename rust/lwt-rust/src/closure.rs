//! OCaml closures that Rust calls.

use std::{marker::PhantomData, sync::Arc};

use crate::{
    bindings::{Description, Type},
    callbacks::{Callback, call_back},
    convert::{FromOcaml, IntoOcaml, OcamlType, mismatch},
    error::Error,
    executor::Handle,
    ffi::{Lock, Root, Val},
    promise::Promise,
};

/// An OCaml function of type `'a -> 'b Lwt.t`.
///
/// It can be called any number of times, from a task of its domain and from any
/// other thread, and it can be cloned and dropped anywhere.
pub struct LwtFn<A, B> {
    closure: Arc<Root>,
    handle: Handle,
    types: PhantomData<fn(A) -> B>,
}

impl<A, B> LwtFn<A, B>
where
    A: IntoOcaml + Send,
    B: FromOcaml + Send,
{
    /// Calls the function. In a task of the function's domain it runs before
    /// this returns, until its first wait, as in Lwt; elsewhere it is called by
    /// the domain soon, whether or not the promise is awaited.
    ///
    /// An exception that it raises is the same as a promise that it rejects.
    ///
    /// # Cancellation
    ///
    /// Dropping the promise cancels what the function returned: see [`Promise`].
    pub fn call(&self, argument: A) -> Promise<B> {
        match self.handle.executor_here() {
            Some(executor) => Promise::here(executor, |lock| invoke(lock, &self.closure, argument)),
            None => {
                let closure = self.closure.clone();
                // SAFETY: it has the function and the argument.
                unsafe { Promise::there(self.handle, move |lock| invoke(lock, &closure, argument)) }
            }
        }
    }
}

/// Keeps a value that has to be a function.
fn function(value: Val<'_>) -> Result<Arc<Root>, Error> {
    match value.is_function() {
        true => Ok(Arc::new(Root::new(value))),
        false => Err(mismatch("a function")),
    }
}

/// Calls `closure` and looks at the promise it returns, which settles a
/// wait if it is pending.
fn invoke<'l>(
    lock: &'l mut Lock,
    closure: &Root,
    argument: impl IntoOcaml,
) -> Result<Val<'l>, Error> {
    let argument = Root::new(argument.into_ocaml(lock)?);
    Ok(call_back(lock, Callback::Invoke, &[closure, &argument])
        .ok_or_else(|| Error::Abandoned)??)
}

impl<A, B> LwtFn<A, B> {
    /// The same function, to be called in the domain of `handle` instead of the
    /// one that gave it: in that of the Lwt loop, say, with [`Handle::of_lwt`].
    /// OCaml's domains share their values; what the function uses of mutable ones
    /// has to be made for that.
    pub fn in_domain(mut self, handle: Handle) -> Self {
        self.handle = handle;
        self
    }
}

/// `a -> b Lwt.t`
// SAFETY: an OCaml function that was read as one of this type, called with an `A`; what
// its promise gives is read as a `B`. It borrows nothing.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for LwtFn<A, B> {
    fn ocaml_type(description: &mut Description) -> Type {
        let argument = A::ocaml_type(description);
        argument.arrow(&B::ocaml_type(description).applied("Lwt.t"))
    }
}

impl<A: OcamlType, B: OcamlType> FromOcaml for LwtFn<A, B> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(LwtFn {
            closure: function(value)?,
            handle: Handle::of_this_thread()?,
            types: PhantomData,
        })
    }
}

impl<A, B> Clone for LwtFn<A, B> {
    fn clone(&self) -> Self {
        LwtFn {
            closure: self.closure.clone(),
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
/// It may be cloned, sent and dropped anywhere, but only a task of a domain, or a
/// function that OCaml has called, can call it: that takes the [`Lock`].
pub struct Closure<A, B> {
    closure: Arc<Root>,
    types: PhantomData<fn(A) -> B>,
}

impl<A: IntoOcaml, B: FromOcaml> Closure<A, B> {
    /// Calls the function, in the domain of the calling thread, and waits for it.
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
    /// [`Error::Exception`] with what the function raises, and a message if the
    /// argument or the result cannot be converted.
    pub fn call(&self, lock: &mut Lock, argument: A) -> Result<B, Error> {
        let argument = Root::new(argument.into_ocaml(lock)?);
        let result = lock.call(&self.closure, &[&argument])?;
        // SAFETY: the function was read as one that gives this.
        unsafe { B::from_ocaml(result) }
    }
}

/// `a -> b`
// SAFETY: as for `LwtFn`.
unsafe impl<A: OcamlType, B: OcamlType> OcamlType for Closure<A, B> {
    fn ocaml_type(description: &mut Description) -> Type {
        let argument = A::ocaml_type(description);
        argument.arrow(&B::ocaml_type(description))
    }
}

impl<A: OcamlType, B: OcamlType> FromOcaml for Closure<A, B> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(Closure {
            closure: function(value)?,
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
