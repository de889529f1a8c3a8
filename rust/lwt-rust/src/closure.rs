//! Lwt closures that Rust calls.

use std::{marker::PhantomData, sync::Arc};

use crate::{
    callbacks::{Callback, call_back},
    convert::{FromOcaml, IntoOcaml},
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
    A: IntoOcaml + Send + 'static,
    B: FromOcaml + Send + 'static,
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
        if self.handle.is_here() {
            Promise::here(self.handle, |lock, wait| {
                invoke(lock, &self.closure, argument, wait)
            })
        } else {
            let closure = self.closure.clone();
            Promise::there(self.handle, move |lock, wait| {
                invoke(lock, &closure, argument, wait)
            })
        }
    }
}

/// Calls `closure` and looks at the promise it returns, which settles the number
/// of the wait if it is pending.
fn invoke<'l>(
    lock: &'l mut Lock,
    closure: &Root,
    argument: impl IntoOcaml,
    wait: &Root,
) -> Result<Val<'l>, Error> {
    let argument = Root::new(argument.into_ocaml(lock)?);
    Ok(
        call_back(lock, Callback::Invoke, &[closure, &argument, wait])
            .ok_or(Error::Abandoned)??,
    )
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

impl<A, B> FromOcaml for LwtFn<A, B> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(LwtFn {
            closure: Arc::new(Root::new(value)),
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
