//! The future that awaits a spawned task.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use async_executor::FallibleTask;
use lwt_rust_core::Cell;
use tokio::task::JoinHandle;

use super::{
    Shared,
    spawned::{Local, Output},
};
use crate::{
    error::{Error, Panic},
    fork,
    runtime::{Suspicion, waits_for_itself},
};

/// A task, or a function that may block, which was spawned: a future of
/// `Result<T, Error>`. If `T` is `Send`, any thread may await it.
///
/// | function | the task runs |
/// | --- | --- |
/// | [`spawn`](crate::spawn), [`Handle::spawn`](crate::Handle::spawn) | in a domain, where it may call OCaml |
/// | [`spawn_local`](crate::spawn_local) | in the caller's domain and on the caller's thread |
/// | [`spawn_scoped`](crate::spawn_scoped) | on tokio's threads |
/// | [`spawn_blocking`](crate::spawn_blocking) | on one of tokio's threads for functions that may block |
///
/// # Errors
///
/// It gives [`Error::Panic`] if the task panicked. It gives [`Error::Abandoned`] if nothing
/// runs the task any more: its domain has ended, or the runtime was shut down. It gives a
/// message if the task could not be spawned, if it is local and another thread runs the
/// tasks of its domain, or if this thread would wait for itself, in a `block_on`.
///
/// # Cancellation
///
/// Dropping it cancels the task, which is dropped a little later: by its domain, or by
/// tokio at the task's next wait. A blocking function is not called if it has not begun;
/// if it has, it goes on, and its result is dropped. [`detach`](Task::detach) cancels
/// nothing.
#[must_use = "dropping a task cancels it, also by `let _ =`: await it, keep it, or call `detach`"]
#[doc(alias("abort", "cancel", "JoinHandle"))]
pub struct Task<T>(State<T>);

enum State<T> {
    /// A task of a domain.
    Spawned(FallibleTask<Output<T>>, &'static Shared, Suspicion),
    /// A local task of a domain.
    Local(FallibleTask<Output<Local<T>>>, &'static Shared, Suspicion),
    /// A task of tokio's.
    Tokio(JoinHandle<Result<T, Panic>>),
    /// A function that may block. If the cell is closed before the function has begun, the
    /// function is not called.
    Blocking(Arc<Cell<Output<T>>>),
    /// No task was spawned, for this reason; or it was detached.
    Nothing(Option<Error>),
}

impl<T> Task<T> {
    pub(super) fn spawned(task: FallibleTask<Output<T>>, shared: &'static Shared) -> Self {
        Task(State::Spawned(task, shared, Suspicion::default()))
    }

    pub(super) fn local(task: FallibleTask<Output<Local<T>>>, shared: &'static Shared) -> Self {
        Task(State::Local(task, shared, Suspicion::default()))
    }

    pub(crate) fn of_tokio(task: JoinHandle<Result<T, Panic>>) -> Self {
        Task(State::Tokio(task))
    }

    pub(crate) fn blocking(cell: Arc<Cell<Output<T>>>) -> Self {
        Task(State::Blocking(cell))
    }

    pub(crate) fn refused(error: Error) -> Self {
        Task(State::Nothing(Some(error)))
    }

    /// Lets the task go on by itself. Its result is dropped. If the task could not be spawned,
    /// nothing tells of the reason.
    pub fn detach(mut self) {
        // In a forked child, dropping `self` forgets the task.
        if fork::happened() {
            return;
        }
        // A result that is there already is dropped now.
        match self.take() {
            State::Spawned(task, ..) => task.detach(),
            State::Local(task, ..) => task.detach(),
            State::Tokio(_) | State::Blocking(_) | State::Nothing(_) => {}
        }
    }

    /// Takes the state, and leaves one that has nothing to cancel.
    fn take(&mut self) -> State<T> {
        mem::replace(&mut self.0, State::Nothing(None))
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Nothing(error) => Poll::Ready(Err(error.take().unwrap_or(Error::Abandoned))),
            // Nothing runs the task in a forked child.
            _ if fork::happened() => Poll::Ready(Err(Error::Abandoned)),
            State::Spawned(task, shared, suspicion) => {
                poll_spawned(task, shared, suspicion, context)
            }
            State::Local(task, shared, suspicion) => {
                let polled = poll_spawned(task, shared, suspicion, context);
                polled.map(|result| result.map(|Local(value)| value))
            }
            State::Tokio(task) => Pin::new(task).poll(context).map(|joined| match joined {
                Ok(result) => result.map_err(Error::from),
                Err(_) => Err(Error::Abandoned),
            }),
            State::Blocking(cell) => cell.poll_take(context).map(Output::take),
        }
    }
}

fn poll_spawned<T>(
    task: &mut FallibleTask<Output<T>>,
    shared: &Shared,
    suspicion: &mut Suspicion,
    context: &mut Context<'_>,
) -> Poll<Result<T, Error>> {
    match Pin::new(task).poll(context) {
        Poll::Ready(Some(output)) => Poll::Ready(output.take()),
        Poll::Ready(None) => Poll::Ready(Err(Error::Abandoned)),
        Poll::Pending if shared.waits_for_itself(context.waker(), suspicion) => {
            Poll::Ready(Err(waits_for_itself()))
        }
        Poll::Pending => Poll::Pending,
    }
}

// Nothing in a `Task` is pinned.
impl<T> Unpin for Task<T> {}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        match self.take() {
            // To cancel the task takes a mutex, which may be locked for ever in a forked
            // child (rule 13).
            other if fork::happened() => mem::forget(other),
            State::Tokio(task) => task.abort(),
            State::Blocking(cell) => {
                cell.close();
            }
            State::Spawned(..) | State::Local(..) | State::Nothing(_) => {}
        }
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task(..)")
    }
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Task<i64>>();
};
