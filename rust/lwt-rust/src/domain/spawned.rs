//! The tasks that Rust spawns in a domain.
//!
//! They run on an [`async_executor::Executor`], which itself is one task of the domain: its
//! *driver* (`driver.rs`). So a spawned task uses the wake-ups, the budget and the turns of
//! all other tasks. The calls that OCaml makes have nothing to do with it.
//!
//! An executor is closed as follows. It is never dropped, since a drop misses a task whose
//! waker another thread is about to use.
//!
//! 1. The gate is shut, so no other thread spawns a task.
//! 2. An [`Event`] wakes each task. A task of a closed executor completes without another
//!    poll of its future.
//! 3. The domain runs the tasks until none is left, apart from those that a thread has in
//!    hand. Such a task completes when its poll is over.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use async_executor::{Executor, FallibleTask};
use event_listener::{Event, EventListener};
use lwt_rust_core::{CatchPanic, CountedTask, drop_quietly};
use pin_project_lite::pin_project;

use super::{Shared, here::executor_at_hand};
use crate::{
    bound::Bound,
    error::{Error, Panic},
    fork,
    runtime::{begin_poll, know_kind_of_task},
    watch::{PollOf, TaskOf},
};

/// The part of the spawned tasks that any thread may use.
pub(super) struct Spawned {
    executor: Executor<'static>,
    /// Notified when the executor is closed.
    closing: Event,
    /// How many tasks have not been dropped.
    alive: AtomicUsize,
    /// How many tasks are being polled or dropped. Several may be, since a task that is
    /// being polled may call OCaml.
    in_hand: AtomicUsize,
    /// Whether the domain has a driver.
    has_driver: AtomicBool,
}

impl Spawned {
    pub(super) const fn new() -> Self {
        Spawned {
            executor: Executor::new(),
            closing: Event::new(),
            alive: AtomicUsize::new(0),
            in_hand: AtomicUsize::new(0),
            has_driver: AtomicBool::new(false),
        }
    }

    /// Whether no task is alive.
    pub(super) fn is_empty(&self) -> bool {
        self.alive.load(Ordering::Relaxed) == 0
    }

    pub(super) fn has_driver(&self) -> bool {
        self.has_driver.load(Ordering::Relaxed)
    }

    pub(super) fn set_driver(&self, is_there: bool) {
        self.has_driver.store(is_there, Ordering::Relaxed);
    }

    /// Runs the next task, as soon as one is runnable. Only the domain may poll it.
    pub(super) fn tick(&'static self) -> impl Future<Output = ()> {
        self.executor.tick()
    }

    /// Runs all tasks that are runnable now.
    pub(super) fn run_all(&self) {
        while self.executor.try_tick() {}
    }

    /// Ends all tasks but those in hand. The gate must be closed.
    pub(super) fn end_all(&self) {
        if self.is_empty() && !self.has_driver() {
            return;
        }
        self.closing.notify(usize::MAX);
        while self.alive.load(Ordering::Acquire) > self.in_hand.load(Ordering::Relaxed) {
            if !self.executor.try_tick() {
                // A waker on another thread has marked a task as runnable, and has not put
                // it into the queue yet.
                thread::yield_now();
            }
        }
        self.run_all();
    }
}

impl Shared {
    /// Makes a task of a future. The caller makes sure that the executor is open, and stays
    /// so meanwhile. The domain has a driver, or gets one.
    pub(super) fn spawn<F, T>(&'static self, future: F) -> FallibleTask<Output<T>>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let run = Run {
            future: CatchPanic::new(future),
            closing: self.spawned().closing.listen(),
            waker: None,
            alive: Alive::new(self),
            _counted: CountedTask::new(),
        };
        self.spawned().executor.spawn(run).fallible()
    }
}

/// A task that has not been dropped.
struct Alive(&'static Shared);

impl Alive {
    fn new(shared: &'static Shared) -> Self {
        shared.spawned().alive.fetch_add(1, Ordering::Relaxed);
        Alive(shared)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.spawned().alive.fetch_sub(1, Ordering::Release);
    }
}

/// A task that is being polled or dropped. Only a thread that holds the domain's lock makes
/// one.
struct InHand(&'static Spawned);

impl InHand {
    fn new(shared: &'static Shared) -> Self {
        let spawned = shared.spawned();
        spawned.in_hand.fetch_add(1, Ordering::Relaxed);
        InHand(spawned)
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.in_hand.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// A future as a task. Its panics become errors, and it ends when the executor is
    /// closed. Neither a poll nor a drop of it panics: the crate would abort the process.
    struct Run<F> {
        #[pin]
        future: CatchPanic<F>,
        // Wakes the task when the executor is closed.
        closing: EventListener,
        // The waker that the future gets, once the task was polled.
        waker: Option<Waker>,
        alive: Alive,
        _counted: CountedTask,
    }

    impl<F> PinnedDrop for Run<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The destructor of the future may call OCaml code that closes the executor.
            let _in_hand = InHand::new(this.alive.0);
            this.future.set(CatchPanic::default());
        }
    }
}

impl<F, T> Future for Run<F>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = Output<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Output<T>> {
        begin_poll();
        let this = self.project();
        let shared = this.alive.0;
        let _in_hand = InHand::new(shared);
        if shared.is_closed() {
            return Poll::Ready(Output::abandoned());
        }
        let waker = match this.waker {
            Some(waker) => waker,
            None => {
                // Registers the task. The answer is in `is_closed`.
                let _ = Pin::new(this.closing).poll(context);
                let task = context.waker().clone();
                let waker: Waker = Arc::new(TaskWaker { task, shared }).into();
                know_kind_of_task(&waker);
                this.waker.insert(waker)
            }
        };
        let poll = PollOf::<TaskOf<F>>::begin();
        let polled = this.future.poll(&mut Context::from_waker(waker));
        drop(poll);
        match polled {
            Poll::Ready(Ok(result)) => Poll::Ready(Output(Some(result))),
            Poll::Ready(Err(payload)) => {
                let panic = Panic::from_payload(payload);
                Poll::Ready(Output(Some(Err(panic.into()))))
            }
            // The executor was closed during the poll.
            Poll::Pending if shared.is_closed() => Poll::Ready(Output::abandoned()),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The waker of a spawned task.
struct TaskWaker {
    /// The waker that the crate has made.
    task: Waker,
    shared: &'static Shared,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The crate's queue may be in the middle of a change in a forked child (rule 13).
        if fork::happened() {
            return;
        }
        self.task.wake_by_ref();
        // The crate lets only the first of several wakers wake the driver. If that one
        // belongs to another thread, it may come late.
        if let Some(executor) = executor_at_hand(self.shared) {
            executor.drive_soon();
        }
    }
}

/// The result of a task. Dropping it does not panic. In a task, `async-task` would abort the
/// process; and a task whose result is not awaited may be dropped while a panic unwinds.
pub(crate) struct Output<T>(Option<Result<T, Error>>);

impl<T> Output<T> {
    pub(crate) fn new(result: Result<T, Error>) -> Self {
        Output(Some(result))
    }

    fn abandoned() -> Self {
        Output::new(Err(Error::Abandoned))
    }

    pub(super) fn take(mut self) -> Result<T, Error> {
        self.0.take().unwrap_or(Err(Error::Abandoned))
    }
}

impl<T> Drop for Output<T> {
    fn drop(&mut self) {
        if let Some(result) = self.0.take() {
            drop_quietly(result);
        }
    }
}

/// A local future, or its result, in the executor of its domain.
///
/// [`async_executor::LocalExecutor`] is no place for it: that one belongs to a thread,
/// whereas any thread of a domain may run the domain's tasks.
pub(super) struct Local<T>(pub(super) T);

// SAFETY: other threads may own the value, but they do not use it. There are two kinds:
//
// - A `Bound` future. `Bound` may be on any thread: it looks which thread this is before it
//   polls or drops the future. Only threads with the domain's lock poll or drop it, one
//   after the other (rule 1).
// - The result of that future, which exists only if the future's own thread has polled it.
//   If the task is detached or cancelled by then, the same poll drops the result. Otherwise
//   it stays in the task until the `Task` takes it or drops it, and a `Task<T>` is `Send`
//   only if `T` is.
unsafe impl<T> Send for Local<T> {}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Local<std::rc::Rc<()>>>();
    is_send::<Run<Local<Bound<std::future::Pending<Result<std::rc::Rc<()>, Error>>>>>>();
};

impl<F, T> Future for Local<Bound<F>>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = Result<Local<T>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.0).poll(context);
        polled.map(|result| result.map(Local))
    }
}
