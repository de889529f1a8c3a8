//! Promises that any domain of OCaml may settle.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{Promise, State, link::Link, promise_of};
use crate::{
    bindings::Type,
    convert::{FromOcaml, OcamlType, Seen, mismatch},
    domain::{Handle, Sink, read_for, waits_with_lock},
    error::{Error, Exception},
    ocaml::Val,
    runtime::{Suspicion, waits_for_itself},
};

/// A promise that OCaml has made with `Lwt_rust.Promise.create`: a future of
/// `Result<T, Error>`. OCaml settles it with `Lwt_rust.Promise.resolve` or `reject`, on any
/// thread of any domain. A [`Promise`], which is a `Lwt.t` in OCaml, can be settled only in
/// the domain of the Lwt loop.
///
/// ```
/// use lwt_rust::{Error, PortablePromise, func};
///
/// /// In OCaml: `val doubled : int Lwt_rust.Promise.t -> int Lwt.t`
/// #[func]
/// async fn doubled(number: PortablePromise<i64>) -> Result<i64, Error> {
///     Ok(2 * number.await?)
/// }
/// ```
///
/// OCaml can give the same promise to Rust once; that counts even if the call is refused,
/// for example because another argument does not fit. Any task may await it, in a domain or on a
/// tokio worker.
///
/// Closures and promises in the value, as with `PortablePromise<LwtFn<A, B>>`, belong to the
/// domain that gave the promise to Rust.
///
/// # Errors
///
/// It gives the exception with which OCaml rejects it, as [`Error::Exception`], and
/// [`Error::Abandoned`] if OCaml's collector finds that the promise is gone and was not
/// settled.
///
/// # Cancellation
///
/// Dropping it cancels nothing. OCaml may settle it all the same, without effect.
#[must_use = "futures do nothing unless polled"]
pub struct PortablePromise<T>(Promise<T>, Suspicion);

impl<T> Future for PortablePromise<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.0).poll(context);
        if polled.is_pending() && waits_with_lock(context.waker(), &mut this.1) {
            return Poll::Ready(Err(waits_for_itself()));
        }
        polled
    }
}

impl<T> std::fmt::Debug for PortablePromise<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PortablePromise(..)")
    }
}

/// A function that takes a [`Promise`] takes this one, too.
impl<T> From<PortablePromise<T>> for Promise<T> {
    fn from(promise: PortablePromise<T>) -> Self {
        promise.0
    }
}

/// `t Lwt_rust.Promise.t`
// SAFETY: `from_ocaml` accepts only such promises, and the value that OCaml settles one with
// is read as a `T`. It borrows nothing.
unsafe impl<T: OcamlType> OcamlType for PortablePromise<T> {
    const TYPE: Type = Type::applied(&T::TYPE, "Lwt_rust.Promise.t");
}

/// Settles a promise from any domain. Promises and closures in the value belong to the
/// domain that gave the promise to Rust, and not to the one that settles it.
struct FromAnywhere {
    sink: Arc<dyn Sink>,
    /// `None` if that domain has no executor. Then no function may take such a value.
    handle: Option<Handle>,
}

impl Sink for FromAnywhere {
    fn resolve(&self, value: Val<'_>) {
        read_for(self.handle, || self.sink.resolve(value));
    }

    fn reject(&self, exception: Exception) {
        self.sink.reject(exception);
    }

    fn abandon(&self) {
        self.sink.abandon();
    }
}

impl<T: FromOcaml + Send> FromOcaml for PortablePromise<T> {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let relay = promise_of(value).ok_or_else(|| mismatch("Lwt_rust.Promise.t"))?;
        let link = Link::new();
        let sink = FromAnywhere {
            sink: link.clone().sink(),
            handle: Handle::of_this_thread().ok(),
        };
        relay.attach(value, Arc::new(sink))?;
        let promise = Promise(State::Waiting(link));
        Ok(PortablePromise(promise, Suspicion::default()))
    }
}
