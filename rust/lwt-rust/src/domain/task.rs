//! The futures that await spawned tasks.

use std::{
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use async_executor::FallibleTask;

use super::{
    Shared,
    spawn::{Local, Output},
};
use crate::{error::Error, fork, runtime};

/// The future that awaits a task.
struct Join<T> {
    /// `None` if no task was spawned, or the task is detached.
    task: Option<(FallibleTask<Output<T>>, &'static Shared)>,
    /// Why no task was spawned.
    refusal: Option<Error>,
}

impl<T> Join<T> {
    fn running(task: FallibleTask<Output<T>>, shared: &'static Shared) -> Self {
        Join {
            task: Some((task, shared)),
            refusal: None,
        }
    }

    fn refused(error: Error) -> Self {
        Join {
            task: None,
            refusal: Some(error),
        }
    }

    fn detach(mut self) {
        match self.task.take() {
            // A result that is there already is dropped now.
            Some((task, _)) if !fork::happened() => task.detach(),
            Some((task, _)) => mem::forget(task),
            None => {}
        }
    }
}

impl<T> Future for Join<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.task {
            Some((task, shared)) if !fork::happened() => match Pin::new(task).poll(context) {
                Poll::Ready(Some(output)) => Poll::Ready(output.take()),
                Poll::Ready(None) => Poll::Ready(Err(Error::Abandoned)),
                Poll::Pending if shared.waits_for_itself(context.waker()) => {
                    Poll::Ready(Err(runtime::waits_for_itself()))
                }
                Poll::Pending => Poll::Pending,
            },
            Some(_) | None => Poll::Ready(Err(self.refusal.take().unwrap_or(Error::Abandoned))),
        }
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        // To cancel the task takes a mutex, which may be locked for ever in a forked child
        // (rule 13).
        if fork::happened() {
            mem::forget(self.task.take());
        }
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
pub struct Task<T>(Join<T>);

impl<T> Task<T> {
    pub(super) fn running(task: FallibleTask<Output<T>>, shared: &'static Shared) -> Self {
        Task(Join::running(task, shared))
    }

    pub(super) fn refused(error: Error) -> Self {
        Task(Join::refused(error))
    }

    /// Lets the task go on by itself. Its result is dropped.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task(..)")
    }
}

/// A task that was spawned with [`spawn_local`](super::DomainExecutor::spawn_local), as
/// [`Task`] is one that was spawned with [`Handle::spawn`](super::Handle::spawn). It stays
/// on the thread that has spawned it.
///
/// # Errors
///
/// It gives the errors of a [`Task`]. If another thread runs the tasks of the domain, it
/// gives an error that says so.
#[must_use = "dropping a task cancels it"]
pub struct LocalTask<T> {
    join: Join<Local<T>>,
    stays: PhantomData<*mut ()>,
}

impl<T> LocalTask<T> {
    pub(super) fn running(task: FallibleTask<Output<Local<T>>>, shared: &'static Shared) -> Self {
        LocalTask {
            join: Join::running(task, shared),
            stays: PhantomData,
        }
    }

    pub(super) fn refused(error: Error) -> Self {
        LocalTask {
            join: Join::refused(error),
            stays: PhantomData,
        }
    }

    /// Lets the task go on by itself. Its result is dropped.
    pub fn detach(self) {
        self.join.detach();
    }
}

impl<T> Future for LocalTask<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.join).poll(context);
        polled.map(|result| result.map(|Local(value)| value))
    }
}

impl<T> std::fmt::Debug for LocalTask<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalTask(..)")
    }
}
