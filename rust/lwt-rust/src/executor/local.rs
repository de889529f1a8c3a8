//! Tasks that stay in their domain.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_executor::Task;

use super::Shared;

/// Something that stays in its domain, in a place that asks for `Send`.
struct InDomain<T>(T);

// SAFETY: this is rule 1. An `InDomain` is made by `spawn`, which a thread holding the domain's
// lock calls. The executor polls and drops its tasks only while it is polled,
// which `turn` does only under that lock, and a `LocalTask`, which gives the
// output, is not `Send`. So one thread at a time touches the content, and the
// lock orders their accesses.
unsafe impl<T> Send for InDomain<T> {}

impl<F: Future> Future for InDomain<F> {
    type Output = InDomain<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the content is not moved out of the pinned wrapper.
        let future = unsafe { self.map_unchecked_mut(|wrapper| &mut wrapper.0) };
        Poll::Ready(InDomain(ready!(future.poll(context))))
    }
}

pub(super) fn spawn<T: 'static>(
    shared: &Shared,
    future: impl Future<Output = T> + 'static,
) -> LocalTask<T> {
    LocalTask {
        task: shared.executor().spawn(InDomain(future)),
        stays: PhantomData,
    }
}

/// A task spawned with [`spawn_local`](super::DomainExecutor::spawn_local): a
/// future of what it gives.
///
/// # Panics
///
/// Awaiting it panics with the payload of the task's panic.
///
/// # Cancellation
///
/// Dropping it cancels the task, which is dropped by the domain a little later.
#[must_use = "dropping a task cancels it"]
pub struct LocalTask<T> {
    task: Task<InDomain<T>>,
    stays: PhantomData<*mut ()>,
}

impl<T> LocalTask<T> {
    /// Lets the task run on by itself; what it gives is dropped.
    pub fn detach(self) {
        self.task.detach();
    }
}

impl<T> Future for LocalTask<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Poll::Ready(ready!(Pin::new(&mut self.task).poll(context)).0)
    }
}

impl<T> std::fmt::Debug for LocalTask<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalTask(..)")
    }
}
