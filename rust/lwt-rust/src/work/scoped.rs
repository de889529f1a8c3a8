//! Tasks of tokio's that end when the future that awaits them is dropped.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use lwt_rust_core::CatchPanic;
use tokio::{runtime::Handle, task::JoinHandle};

use crate::{
    error::{Error, Panic},
    promise::Promise,
    runtime,
};

/// Spawns a task on tokio's threads. The task is aborted when the returned future is
/// dropped: for example, when the function that awaits it is cancelled. `tokio::spawn` lets
/// such a task go on.
///
/// It can be called anywhere, also before the runtime has started.
pub fn spawn_scoped<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Scoped<T> {
    let caught = CatchPanic::new(future);
    // The panic is read on the thread that panics, which knows the place.
    let task = async move { caught.await.map_err(Panic::from_payload) };
    Scoped::start(|tokio| tokio.spawn(task))
}

/// A task of tokio's that was spawned with [`spawn_scoped`] or
/// [`spawn_blocking`](super::spawn_blocking):
/// a future of `Result<T, Error>`.
///
/// # Errors
///
/// It gives [`Error::Panic`] if the task panicked, and [`Error::Abandoned`] if the
/// runtime was shut down.
///
/// # Cancellation
///
/// Dropping it aborts the task, at the task's next wait and on the task's own thread.
#[must_use = "dropping it aborts the task"]
pub struct Scoped<T>(State<T>);

enum State<T> {
    Running(JoinHandle<Result<T, Panic>>),
    /// A function that may block. If the promise is dropped before the function has begun,
    /// the function is not called.
    Blocking(Promise<T>),
    Detached,
    /// The task was not spawned, for this reason.
    Refused(Option<Error>),
}

impl<T> Scoped<T> {
    fn start(spawn: impl FnOnce(&Handle) -> JoinHandle<Result<T, Panic>>) -> Self {
        let tokio = Handle::try_current().map_or_else(|_| runtime::start(), Ok);
        match tokio {
            Ok(tokio) => Scoped(State::Running(spawn(&tokio))),
            Err(error) => Scoped::refused(error),
        }
    }

    pub(super) fn blocking(promise: Promise<T>) -> Self {
        Scoped(State::Blocking(promise))
    }

    pub(super) fn refused(error: Error) -> Self {
        Scoped(State::Refused(Some(error)))
    }
}

impl<T: Send + 'static> Scoped<T> {
    /// Lets the task go on by itself. Its result is dropped.
    pub fn detach(mut self) {
        let before = std::mem::replace(&mut self.0, State::Detached);
        if let State::Blocking(promise) = before {
            // A task has to hold the promise: if it were dropped, the function might not be
            // called.
            if let Ok(tokio) = runtime::start() {
                drop(tokio.spawn(promise));
            }
        }
    }
}

impl<T> Future for Scoped<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Running(task) => Pin::new(task).poll(context).map(|joined| match joined {
                Ok(result) => result.map_err(Error::from),
                Err(_) => Err(Error::Abandoned),
            }),
            State::Blocking(promise) => Pin::new(promise).poll(context),
            State::Detached => unreachable!("detaching takes the future"),
            State::Refused(error) => Poll::Ready(Err(error.take().unwrap_or(Error::Abandoned))),
        }
    }
}

// Nothing in a `Scoped` is pinned.
impl<T> Unpin for Scoped<T> {}

impl<T> Drop for Scoped<T> {
    fn drop(&mut self) {
        if let State::Running(task) = &self.0 {
            task.abort();
        }
    }
}

impl<T> std::fmt::Debug for Scoped<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scoped(..)")
    }
}
