//! Tasks of a domain.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lwt_rust_core::{CatchPanic, CountedTask, Ticket};
use pin_project_lite::pin_project;

use super::{Shared, queue::Spawned};
use crate::{
    error::{Error, Panic},
    ffi,
};

pin_project! {
    /// A future as a task: its panics become errors, it is counted, and it ends when
    /// its executor is closed.
    pub(super) struct Tracked<F> {
        #[pin]
        future: CatchPanic<F>,
        shared: &'static Shared,
        // In the executor's list of those that wait, once it waits.
        entry: Option<Ticket>,
        _counted: CountedTask,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            if let (Some(entry), Some(executor)) = (this.entry, ffi::executor()) {
                executor.task_ends(entry);
            }
        }
    }
}

impl<F: Future> Tracked<F> {
    pub(super) fn new(shared: &'static Shared, future: F) -> Self {
        Tracked {
            future: CatchPanic::new(future),
            shared,
            entry: None,
            _counted: CountedTask::new(),
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = Result<F::Output, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.shared.is_closed() {
            return Poll::Ready(Err(Error::Abandoned));
        }
        match this.future.poll(context) {
            Poll::Ready(Ok(value)) => Poll::Ready(Ok(value)),
            Poll::Ready(Err(payload)) => Poll::Ready(Err(Panic::from_payload(payload).into())),
            Poll::Pending => {
                if this.entry.is_none() {
                    *this.entry =
                        ffi::executor().map(|executor| executor.task_waits(context.waker()));
                }
                Poll::Pending
            }
        }
    }
}

/// Something that stays in its domain, in a place that asks for `Send`.
pub(super) struct InDomain<T>(T);

// SAFETY: this is rule 1. An `InDomain` is made by `DomainExecutor`, which only
// a thread that holds the domain's lock has. The executor polls and drops its
// tasks only while it is polled or closed, which `turn` and `close` do only under
// that lock, and a `LocalTask`, which gives the output, is not `Send`. So one
// thread at a time touches the content, and the lock orders their accesses.
unsafe impl<T> Send for InDomain<T> {}

impl<F> InDomain<F> {
    pub(super) fn new(content: F) -> Self {
        InDomain(content)
    }
}

impl<F: Future> Future for InDomain<F> {
    type Output = InDomain<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the content is not moved out of the pinned wrapper.
        let future = unsafe { self.map_unchecked_mut(|wrapper| &mut wrapper.0) };
        Poll::Ready(InDomain(ready!(future.poll(context))))
    }
}

/// A task that was spawned in a domain: a future of `Result<T, Error>`. Any
/// thread may await it.
///
/// # Errors
///
/// It gives [`Error::Panic`] if the task panicked, and [`Error::Abandoned`] if
/// its executor is gone: the domain has ended, or was shut down.
///
/// # Cancellation
///
/// Dropping it cancels the task, which is dropped by the domain a little later.
#[must_use = "dropping a task cancels it"]
pub struct Task<T>(Option<Spawned<Result<T, Error>>>);

impl<T> Task<T> {
    pub(super) fn running(task: Spawned<Result<T, Error>>) -> Self {
        Task(Some(task))
    }

    pub(super) fn abandoned() -> Self {
        Task(None)
    }

    /// Lets the task run on by itself; what it gives is dropped.
    pub fn detach(self) {
        if let Some(task) = self.0 {
            task.detach();
        }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(task) => Pin::new(task).poll(context),
            None => Poll::Ready(Err(Error::Abandoned)),
        }
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task(..)")
    }
}

/// As [`Task`], of a task that was spawned with
/// [`spawn_local`](super::DomainExecutor::spawn_local): it stays in the domain.
#[must_use = "dropping a task cancels it"]
pub struct LocalTask<T> {
    task: Option<Spawned<InDomain<Result<T, Error>>>>,
    stays: PhantomData<*mut ()>,
}

impl<T> LocalTask<T> {
    pub(super) fn new(task: Option<Spawned<InDomain<Result<T, Error>>>>) -> Self {
        LocalTask {
            task,
            stays: PhantomData,
        }
    }

    /// Lets the task run on by itself; what it gives is dropped.
    pub fn detach(self) {
        if let Some(task) = self.task {
            task.detach();
        }
    }
}

impl<T> Future for LocalTask<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.task {
            Some(task) => Poll::Ready(ready!(Pin::new(task).poll(context)).0),
            None => Poll::Ready(Err(Error::Abandoned)),
        }
    }
}

impl<T> std::fmt::Debug for LocalTask<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalTask(..)")
    }
}
