//! Spawned tasks, and the futures that await them.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use lwt_rust_core::{CatchPanic, Cell, CountedTask, Source, drop_quietly};
use pin_project_lite::pin_project;

use super::{
    DomainExecutor, Shared,
    tasks::{TaskId, why_dropped},
};
use crate::{
    error::{Error, Panic},
    ffi, runtime,
};

/// The state that a task shares with the future that awaits it.
struct Joint<T> {
    cell: Cell<Result<T, Error>>,
    /// The task, which is cancelled when the future that awaits it is dropped.
    source: Source<TaskId>,
    shared: &'static Shared,
}

impl<T> Joint<T> {
    /// Settles the cell. If the result is not awaited any more, it is dropped, and a panic
    /// of its destructor is caught and forgotten.
    fn settle(&self, result: Result<T, Error>) {
        drop_quietly(self.cell.settle(result));
    }
}

pin_project! {
    /// A future as a task. Its panics become errors, it is counted, and its result goes to
    /// the future that awaits the task.
    pub(super) struct Spawned<F, T> {
        #[pin]
        future: CatchPanic<F>,
        joint: Arc<Joint<T>>,
        // Whether the joint has been given the task's number.
        is_known: bool,
        _counted: CountedTask,
    }

    impl<F, T> PinnedDrop for Spawned<F, T> {
        fn drop(this: Pin<&mut Self>) {
            if !this.joint.cell.is_settled() {
                this.joint.settle(Err(why_dropped()));
            }
        }
    }
}

/// A task for a future, and the future that awaits the task.
pub(super) fn spawned<F, T>(shared: &'static Shared, future: F) -> (Spawned<F, T>, Join<T>)
where
    F: Future<Output = Result<T, Error>>,
{
    let joint = Arc::new(Joint {
        cell: Cell::new(),
        source: Source::unknown(),
        shared,
    });
    let spawned = Spawned {
        future: CatchPanic::new(future),
        joint: joint.clone(),
        is_known: false,
        _counted: CountedTask::new(),
    };
    let join = Join {
        joint: Some(joint),
        refusal: None,
    };
    (spawned, join)
}

impl<F, T> Future for Spawned<F, T>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if !std::mem::replace(this.is_known, true) {
            // `put` returns the task if it is detached.
            let running = ffi::executor().and_then(DomainExecutor::running);
            let _ = running.and_then(|task| this.joint.source.put(task));
            if this.joint.cell.is_settled() {
                // The task was cancelled before the joint knew its number.
                return Poll::Ready(());
            }
        }
        match this.future.poll(context) {
            Poll::Ready(Ok(result)) => this.joint.settle(result),
            Poll::Ready(Err(payload)) => {
                this.joint.settle(Err(Panic::from_payload(payload).into()));
            }
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }
}

/// The future that awaits a task.
pub(super) struct Join<T> {
    /// `None` if no task was spawned, or the task is detached.
    joint: Option<Arc<Joint<T>>>,
    /// Why no task was spawned.
    refusal: Option<Error>,
}

impl<T> Join<T> {
    fn refused(error: Error) -> Self {
        Join {
            joint: None,
            refusal: Some(error),
        }
    }

    fn detach(mut self) {
        if let Some(joint) = self.joint.take() {
            let _ = joint.source.detach();
        }
    }
}

// Nothing in a `Join` is pinned.
impl<T> Unpin for Join<T> {}

impl<T> Future for Join<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.joint {
            Some(joint) => match joint.cell.poll_take(context) {
                Poll::Pending if joint.shared.waits_for_itself(context.waker()) => {
                    Poll::Ready(Err(runtime::waits_for_itself()))
                }
                polled => polled,
            },
            None => Poll::Ready(Err(self.refusal.take().unwrap_or(Error::Abandoned))),
        }
    }
}

impl<T> Drop for Join<T> {
    fn drop(&mut self) {
        let Some(joint) = self.joint.take() else {
            return;
        };
        if joint.cell.close() {
            if let Some(task) = joint.source.take() {
                joint.shared.cancel_task(task);
            }
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
    pub(super) fn running(join: Join<T>) -> Self {
        Task(join)
    }

    pub(super) fn abandoned() -> Self {
        Self::refused(Error::Abandoned)
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
    join: Join<T>,
    stays: PhantomData<*mut ()>,
}

impl<T> LocalTask<T> {
    pub(super) fn running(join: Join<T>) -> Self {
        LocalTask {
            join,
            stays: PhantomData,
        }
    }

    pub(super) fn refused(error: Error) -> Self {
        Self::running(Join::refused(error))
    }

    /// Lets the task go on by itself. Its result is dropped.
    pub fn detach(self) {
        self.join.detach();
    }
}

impl<T> Future for LocalTask<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.join).poll(context)
    }
}

impl<T> std::fmt::Debug for LocalTask<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalTask(..)")
    }
}
