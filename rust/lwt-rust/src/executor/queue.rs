//! The tasks of an executor that are runnable.
//!
//! What a thread of the domain makes runnable while it runs code of ours goes into
//! a queue of the executor's, which costs neither a lock nor an atomic operation.
//! What other threads make runnable goes through an [`Inbox`]
//! and wakes the executor.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
};

use lwt_rust_core::Inbox;
use pin_project_lite::pin_project;

use super::Shared;
use crate::{ffi, fork};

pub(super) type Runnable = async_task::Runnable<&'static Shared>;

/// A task of an executor, until it is awaited.
pub(super) type Spawned<T> = async_task::Task<T, &'static Shared>;

/// Makes a task of a future, and schedules it.
pub(super) fn spawn<F>(shared: &'static Shared, future: F) -> Spawned<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let alive = Alive::new(shared.tasks(), future);
    let task = async_task::Builder::new().metadata(shared);
    // A function without captured variables: a wake-up need not keep the task.
    let (runnable, task) = task.spawn(|_| alive, schedule);
    runnable.schedule();
    task
}

/// Called on the thread that has made a task runnable.
fn schedule(runnable: Runnable) {
    let shared = *runnable.metadata();
    if fork::happened() {
        // It has stayed in the other process (rule 13).
        std::mem::forget(runnable);
        return;
    }
    match ffi::executor_at_hand(shared) {
        Some(executor) => {
            executor.ready.push(runnable);
            if !executor.is_polling.get() && !ffi::polls_soon(shared) {
                shared.wake();
            }
        }
        None => {
            shared.tasks().inbox.push(runnable);
            shared.wake();
        }
    }
}

/// What any thread may know of the tasks of an executor.
pub(super) struct Tasks {
    /// Those that other threads have made runnable.
    pub(super) inbox: Inbox<Runnable>,
    /// How many futures have not been dropped.
    alive: AtomicUsize,
}

impl Tasks {
    pub(super) fn new() -> Self {
        Tasks {
            inbox: Inbox::new(),
            alive: AtomicUsize::new(0),
        }
    }

    /// Whether every future was dropped, once nothing is spawned any more.
    pub(super) fn have_ended(&self) -> bool {
        self.alive.load(Ordering::Acquire) == 0
    }
}

/// The queue of the domain.
#[derive(Default)]
pub(super) struct Ready {
    queue: RefCell<VecDeque<Runnable>>,
    /// Empty: memory for what is taken out of the inbox.
    taken: RefCell<Vec<Runnable>>,
}

impl Ready {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    fn push(&self, runnable: Runnable) {
        self.queue.borrow_mut().push_back(runnable);
    }

    /// Takes what other threads have made runnable.
    pub(super) fn take_from(&self, inbox: &Inbox<Runnable>) {
        let mut taken = self.taken.borrow_mut();
        inbox.take(&mut taken);
        self.queue.borrow_mut().extend(taken.drain(..));
    }

    /// Gives up its memory; there are no tasks.
    pub(super) fn close(&self) {
        self.queue.take();
        self.taken.take();
    }

    /// Runs the next task, if there is one.
    pub(super) fn run_one(&self) -> bool {
        let next = self.queue.borrow_mut().pop_front();
        let is_one = next.is_some();
        if let Some(runnable) = next {
            runnable.run();
        }
        is_one
    }
}

pin_project! {
    /// The future of a task, which is counted until it is dropped.
    struct Alive<F> {
        #[pin]
        future: F,
        // Dropped after the future.
        _guard: AliveGuard,
    }
}

struct AliveGuard(&'static AtomicUsize);

impl<F> Alive<F> {
    fn new(tasks: &'static Tasks, future: F) -> Self {
        tasks.alive.fetch_add(1, Ordering::Relaxed);
        Alive {
            future,
            _guard: AliveGuard(&tasks.alive),
        }
    }
}

impl Drop for AliveGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl<F: Future> Future for Alive<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}
