//! Futures that stay on the thread that made them.
//!
//! Any thread of a domain may run its tasks, and one task may be polled by several
//! threads, one after the other: the thread that calls an asynchronous function polls it
//! first, and the thread that runs the loop polls it later. The domain's lock orders
//! them. A future that is not `Send` may nevertheless share an `Rc` with a thread-local,
//! whose destructor runs without the lock. So such a future becomes a [`Bound`] one.

use std::{
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{
    error::Error,
    ocaml::{ThreadNumber, this_thread},
};

/// A future that only one thread polls and drops: the thread that made this value.
///
/// If another thread polls it, it completes with an error. If another thread drops it,
/// the future is leaked, with all that it holds.
pub struct Bound<F> {
    /// The future has memory of its own, which is leaked with it. For example, a waiter of
    /// tokio's is pinned, is in a list of tokio's, and leaves the list when it is dropped.
    /// So the memory of a future that was not dropped must not be used again. Always `Some`
    /// until this value is dropped.
    future: Option<Pin<Box<F>>>,
    thread: ThreadNumber,
}

impl<F> Bound<F> {
    /// Binds a future to the calling thread.
    pub(crate) fn new(future: F) -> Self {
        Bound {
            future: Some(Box::pin(future)),
            thread: this_thread(),
        }
    }
}

impl<F, T, E> Future for Bound<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Error>,
{
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let is_here = self.thread == this_thread();
        match &mut self.future {
            Some(future) if is_here => {
                let polled = future.as_mut().poll(context);
                polled.map(|result| result.map_err(Into::into))
            }
            Some(_) | None => Poll::Ready(Err(elsewhere())),
        }
    }
}

impl<F> Drop for Bound<F> {
    fn drop(&mut self) {
        if self.thread != this_thread() {
            std::mem::forget(self.future.take());
        }
    }
}

#[cold]
fn elsewhere() -> Error {
    Error::message(
        "the future of this function (or of this local task) is not Send, so it stays on the \
         thread that began it, and another thread runs the loop: call it from the thread that \
         runs the loop, or make the future Send",
    )
}

pin_project! {
    /// A future that cannot fail, with a `Result` as its output.
    pub struct Succeeds<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Succeeds<F> {
    type Output = Result<F::Output, Error>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(context).map(Ok)
    }
}

/// A future that cannot fail, with a `Result` as its output.
#[inline(always)]
pub fn succeeds<F: Future>(future: F) -> Succeeds<F> {
    Succeeds { future }
}

/// A future that stays on the calling thread, whether it is `Send` or not.
pub fn stays<F>(future: F) -> Bound<F> {
    Bound::new(future)
}

/// Has a method `bind` for a future: one that is `Send` stays as it is, and any other
/// becomes `Bound`.
///
/// The compiler takes the first method `bind` that it finds. If `F` is `Send`, that is the
/// method of this type. Otherwise the compiler goes on to the type that this one derefs to.
/// So it works only where `F` is a known type, as in the code that our macros write.
pub struct Binding<F>(Otherwise<F>);

/// The binding of a future that is not `Send`.
pub struct Otherwise<F>(std::marker::PhantomData<F>);

impl<F> Binding<F> {
    /// The binding of this future.
    #[inline(always)]
    pub fn of(_: &F) -> Self {
        Binding(Otherwise(std::marker::PhantomData))
    }
}

impl<F: Send> Binding<F> {
    /// Returns the future, which any thread may poll.
    #[inline(always)]
    pub fn bind(&self, future: F) -> F {
        future
    }
}

impl<F> Deref for Binding<F> {
    type Target = Otherwise<F>;

    #[inline(always)]
    fn deref(&self) -> &Otherwise<F> {
        &self.0
    }
}

impl<F> Otherwise<F> {
    /// Returns the future as one that only the calling thread may poll.
    pub fn bind(&self, future: F) -> Bound<F> {
        Bound::new(future)
    }
}
