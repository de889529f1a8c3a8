//! Futures that are not `Send`, of calls and of tasks, and other threads that poll or drop
//! them.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
};

use tokio::sync::Notify;

use lwt_rust::{DomainExecutor, Error, PortablePromise, Promise, Task, func};

thread_local! {
    /// Stands for the cache of a crate: its destructor runs without the domain's lock.
    static SHARED: Rc<Cell<u64>> = Rc::default();
}

static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct CountsDrops;

impl Drop for CountsDrops {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

fn no_executor() -> Error {
    Error::message("no executor")
}

/// Takes an `Rc` of the calling thread's, and awaits the promise. Returns whether it is
/// still on that thread afterwards.
#[func]
pub(crate) async fn stays(gate: Promise<()>) -> Result<bool, Error> {
    let (shared, began) = (SHARED.with(Rc::clone), thread::current().id());
    gate.await?;
    shared.set(shared.get() + 1);
    Ok(began == thread::current().id())
}

/// Does the same as `stays`, but the caller cannot cancel it.
#[func(protected)]
pub(crate) async fn stays_protected(gate: Promise<()>) -> Result<bool, Error> {
    stays(gate).await
}

/// Does the same as `stays`, but cannot fail, and returns a value of any type.
#[func]
pub(crate) async fn stays_with<A>(
    gate: Promise<()>,
    value: lwt_rust::Poly<A>,
) -> lwt_rust::Poly<A> {
    let shared = SHARED.with(Rc::clone);
    let _ = gate.await;
    shared.set(shared.get() + 1);
    value
}

/// Does the same as `stays`, in a future that is `Send`.
#[func]
pub(crate) async fn moves(gate: Promise<()>) -> Result<bool, Error> {
    let (shared, began) = (Arc::new(()), thread::current().id());
    gate.await?;
    drop(shared);
    Ok(began == thread::current().id())
}

/// Holds a value whose destructor is counted, in a future that is not `Send`.
#[func]
pub(crate) async fn hold_on_thread(gate: Promise<()>) -> Result<(), Error> {
    let _held = (SHARED.with(Rc::clone), CountsDrops);
    gate.await
}

/// Does the same as `hold_on_thread`, in a future that is `Send`.
#[func]
pub(crate) async fn hold_anywhere(gate: Promise<()>) -> Result<(), Error> {
    let _held = CountsDrops;
    gate.await
}

static NOTICE: Notify = Notify::const_new();

/// Waits in a list of tokio's that other threads walk, in a future that is not `Send`.
#[func]
pub(crate) async fn wait_for_notice() {
    let shared = SHARED.with(Rc::clone);
    NOTICE.notified().await;
    shared.set(shared.get() + 1);
}

/// Wakes all tasks that wait in that list.
#[func]
pub(crate) fn give_notice() {
    NOTICE.notify_waiters();
}

/// How often that destructor has run.
#[func]
pub(crate) fn dropped() -> usize {
    DROPPED.load(Ordering::Relaxed)
}

static POLLED_ON: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Spawns a local task, awaits the promise and then the task. Returns whether the task ran
/// on this thread.
#[func]
pub(crate) async fn spawn_and_wait(gate: Promise<()>) -> Result<bool, Error> {
    let executor = DomainExecutor::current().ok_or_else(no_executor)?;
    let held = CountsDrops;
    let task = executor.spawn_local(async move {
        *POLLED_ON.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        drop(held);
    });
    gate.await?;
    task.await?;
    let polled_on = *POLLED_ON.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(polled_on == Some(thread::current().id()))
}

/// Keeps the executor, and spawns tasks when its thread ends.
struct SpawnsAtEnd(&'static DomainExecutor);

static SPAWNED_AT_END: Mutex<[usize; 3]> = Mutex::new([0; 3]);

impl Drop for SpawnsAtEnd {
    fn drop(&mut self) {
        for _ in 0..1000 {
            let mut task = self.0.spawn_local(async {});
            let kind = match poll_once(&mut task) {
                Some(Err(Error::Abandoned)) => 0,
                Some(_) => 1,
                None => 2,
            };
            let mut spawned = SPAWNED_AT_END
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            spawned[kind] += 1;
        }
    }
}

fn poll_once(task: &mut Task<()>) -> Option<Result<(), Error>> {
    use std::{
        future::Future,
        pin::Pin,
        task::{Context, Poll, Waker},
    };

    match Pin::new(task).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

thread_local! {
    static AT_END: RefCell<Option<SpawnsAtEnd>> = const { RefCell::new(None) };
}

/// Makes this thread spawn tasks when it ends.
#[func]
pub(crate) async fn spawn_at_end() -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or_else(no_executor)?;
    AT_END.with(|at_end| *at_end.borrow_mut() = Some(SpawnsAtEnd(executor)));
    Ok(())
}

/// Counts the tasks that threads have spawned when they ended: those that gave
/// `Error::Abandoned` at once, those that gave another result, and those that were pending.
#[func]
pub(crate) fn spawned_at_end() -> (usize, usize, usize) {
    let [abandoned, other, pending] = *SPAWNED_AT_END
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    (abandoned, other, pending)
}

/// A value that is `Send` for one lifetime only. In a future the compiler does not know of
/// which lifetime it is.
struct OfOneLifetime<'a>(std::marker::PhantomData<*mut &'a ()>);

// SAFETY: the type contains no value.
unsafe impl Send for OfOneLifetime<'static> {}

impl OfOneLifetime<'_> {
    fn end(self) {}
}

/// The compiler cannot prove the future to be `Send`, nor that it is not.
#[func(local)]
pub(crate) async fn stays_in_doubt(gate: Promise<()>) -> Result<bool, Error> {
    let began = thread::current().id();
    let held = OfOneLifetime::<'static>(std::marker::PhantomData);
    gate.await?;
    held.end();
    Ok(began == thread::current().id())
}

/// Futures that borrow, made by a closure.
#[func]
pub(crate) async fn lengths_of(texts: Vec<String>) -> usize {
    let lengths = texts.iter().map(|text| async move {
        tokio::task::yield_now().await;
        text.len()
    });
    let mut sum = 0;
    for length in lengths {
        sum += length.await;
    }
    sum
}

/// Calls itself.
#[func]
pub(crate) async fn sum_down(number: u64) -> u64 {
    match number {
        0 => 0,
        _ => number + Box::pin(sum_down(number - 1)).await,
    }
}

/// Does the same as `stays`, with a promise that any domain may resolve.
#[func]
pub(crate) async fn stays_portable(gate: PortablePromise<()>) -> Result<bool, Error> {
    stays(gate.into()).await
}

/// Does the same as `moves`, with such a promise.
#[func]
pub(crate) async fn moves_portable(gate: PortablePromise<()>) -> Result<bool, Error> {
    moves(gate.into()).await
}

/// Does the same as `hold_on_thread`, with such a promise.
#[func]
pub(crate) async fn hold_portable(gate: PortablePromise<()>) -> Result<(), Error> {
    hold_on_thread(gate.into()).await
}

/// Does the same as `spawn_and_wait`, with such a promise.
#[func]
pub(crate) async fn spawn_and_wait_portable(gate: PortablePromise<()>) -> Result<bool, Error> {
    spawn_and_wait(gate.into()).await
}
