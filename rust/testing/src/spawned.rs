//! Tasks that Rust spawns.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use lwt_rust::{Closure, DomainExecutor, Error, LwtFn, Task, func, try_with_lock, with_lock};
use tokio::sync::{Notify, oneshot};

fn executor() -> Result<&'static DomainExecutor, Error> {
    DomainExecutor::current().ok_or_else(|| Error::message("no executor"))
}

/// Calls a plain closure in a task of its own, which waits a little before and afterwards.
/// Any thread may run the task.
#[func]
pub(crate) async fn call_in_a_task(f: Closure<(), i64>) -> Result<i64, Error> {
    let task = executor()?.handle().spawn(async move {
        tokio::task::yield_now().await;
        let result = with_lock(|lock| f.call(lock, ()));
        tokio::task::yield_now().await;
        result
    });
    task.await?
}

/// Calls a closure from the executor's poll of this call.
#[func]
pub(crate) async fn call_in_a_poll(f: Closure<(), i64>) -> Result<i64, Error> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    with_lock(|lock| f.call(lock, ()))
}

/// Spawns a task from a plain function, and returns before the task has run.
#[func]
pub(crate) fn spawn_and_return(is_local: bool, text: String, told: Closure<String, ()>) {
    let told = async move { with_lock(|lock| drop(told.call(lock, text))) };
    match is_local {
        true => lwt_rust::spawn_local(told).detach(),
        false => lwt_rust::spawn(told).detach(),
    }
}

/// Spawns a task from a thread of tokio's, with `lwt_rust::spawn`.
#[func]
pub(crate) async fn spawn_from_tokio(f: Closure<(), i64>) -> Result<i64, Error> {
    let spawned = tokio::spawn(async move {
        let task = lwt_rust::spawn(async move { with_lock(|lock| f.call(lock, ())) });
        task.await?
    });
    spawned.await?
}

/// The error of a local task that is spawned on a thread of tokio's, or in `with_lock`.
#[func]
pub(crate) async fn spawn_local_wrongly(on_tokio: bool) -> Result<(), Error> {
    match on_tokio {
        true => tokio::spawn(async { lwt_rust::spawn_local(async {}).await }).await?,
        false => with_lock(|_| lwt_rust::spawn_local(async {})).await,
    }
}

/// Awaits a local task on another thread, with the result of each kind of task.
#[func]
pub(crate) async fn await_all_kinds(number: i64) -> Result<Vec<i64>, Error> {
    let tasks: Vec<Task<i64>> = vec![
        lwt_rust::spawn(async move { number }),
        lwt_rust::spawn_local(async move { number + 1 }),
        lwt_rust::spawn_scoped(async move { number + 2 }),
        lwt_rust::spawn_blocking(move || number + 3),
    ];
    let awaiting = tokio::spawn(async move {
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await?);
        }
        Ok(all)
    });
    awaiting.await?
}

static NOTICE: Notify = Notify::const_new();

/// Waits for `notify_and_call`.
#[func]
pub(crate) async fn wait_for_notice_of_call() {
    NOTICE.notified().await;
}

/// Calls `first`, wakes a task, and then calls `second` without waiting.
#[func]
pub(crate) async fn notify_and_call(
    polled: bool,
    first: LwtFn<(), i64>,
    second: Closure<(), i64>,
) -> Result<i64, Error> {
    if polled {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    NOTICE.notify_waiters();
    let promise = first.call(());
    let second = with_lock(|lock| second.call(lock, ()))?;
    Ok(promise.await? + second)
}

/// Sleeps in this call.
#[func]
pub(crate) async fn sleep_and_return(time: Duration, number: i64) -> i64 {
    tokio::time::sleep(time).await;
    number
}

/// Sleeps in a task of its own, which calls a Lwt closure in the end.
#[func]
pub(crate) async fn sleep_in_a_task(time: Duration, f: LwtFn<(), i64>) -> Result<i64, Error> {
    let task = executor()?.spawn_local(async move {
        tokio::time::sleep(time).await;
        f.call(()).await
    });
    task.await?
}

/// Spawns a task from a worker of tokio's, and awaits it there.
#[func]
pub(crate) async fn spawn_from_elsewhere(number: i64) -> Result<i64, Error> {
    let handle = executor()?.handle();
    tokio::spawn(async move {
        let task = handle.spawn(async move {
            tokio::task::yield_now().await;
            number
        });
        task.await
    })
    .await?
}

/// Spawns a task that calls a Lwt closure this many times, and returns at once.
#[func]
pub(crate) async fn call_in_the_background(f: LwtFn<u64, ()>, times: u64) -> Result<(), Error> {
    let calls = async move {
        for n in 0..times {
            f.call(n).await?;
        }
        Ok::<_, Error>(())
    };
    executor()?.spawn_local(calls).detach();
    Ok(())
}

static LEFT: AtomicU64 = AtomicU64::new(0);

/// Counts itself for as long as it lives.
struct Left;

impl Left {
    fn new() -> Self {
        LEFT.fetch_add(1, Ordering::Relaxed);
        Left
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        LEFT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many tasks of `leave_to_wakers` were not dropped.
#[func]
pub(crate) fn left() -> u64 {
    LEFT.load(Ordering::Relaxed)
}

/// Leaves this many tasks behind, which workers of tokio's wake soon. A task waits for ever
/// after that.
#[func]
pub(crate) async fn leave_to_wakers(tasks: usize) -> Result<(), Error> {
    let executor = executor()?;
    let mut senders = Vec::new();
    for _ in 0..tasks {
        let (sender, woken) = oneshot::channel::<()>();
        let left = Left::new();
        let task = executor.spawn_local(async move {
            let _left = left;
            // The sender is dropped.
            let _ = woken.await;
            pending::<()>().await;
        });
        task.detach();
        senders.push(sender);
    }
    // Most of the tasks wait after this.
    tokio::task::yield_now().await;
    for sender in senders {
        tokio::spawn(async move { drop(sender) });
    }
    Ok(())
}

/// Panics when it is dropped.
struct PanicsAtDrop;

impl Drop for PanicsAtDrop {
    fn drop(&mut self) {
        panic!("the destructor of a result");
    }
}

/// Drops a task whose result is there, and one whose result comes later. The destructors of
/// the results panic.
#[func]
pub(crate) async fn drop_results_that_panic() -> Result<(), Error> {
    let executor = executor()?;
    let there = executor.spawn_local(async { PanicsAtDrop });
    executor.spawn_local(async { PanicsAtDrop }).detach();
    let dropped = lwt_rust::spawn_blocking(|| PanicsAtDrop);
    let detached = lwt_rust::spawn_blocking(|| PanicsAtDrop);
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(there);
    drop(dropped);
    detached.detach();
    Ok(())
}

fn make(kind: u8) -> Task<i64> {
    match kind {
        0 => lwt_rust::spawn(async { 7 }),
        1 => lwt_rust::spawn_local(async { 7 }),
        2 => lwt_rust::spawn_scoped(async { 7 }),
        _ => lwt_rust::spawn_blocking(|| 7),
    }
}

static KEPT: Mutex<Vec<Task<i64>>> = Mutex::new(Vec::new());

fn kept() -> MutexGuard<'static, Vec<Task<i64>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a task of each kind, and keeps them.
#[func(tokio)]
pub(crate) fn keep_tasks() {
    kept().extend((0..4).map(make));
}

/// Polls the tasks that `keep_tasks` has kept, and new ones. Returns how many of them have no
/// error.
#[func]
pub(crate) fn tasks_without_an_error() -> usize {
    let mut tasks = std::mem::take(&mut *kept());
    tasks.extend((0..4).map(make));
    let mut context = Context::from_waker(Waker::noop());
    let polled = tasks
        .iter_mut()
        .map(|task| Pin::new(task).poll(&mut context));
    polled
        .filter(|result| !matches!(result, Poll::Ready(Err(_))))
        .count()
}

static RUN: AtomicU64 = AtomicU64::new(0);

/// Spawns a task from another thread, in the domain of the Lwt loop.
#[func(tokio)]
pub(crate) fn spawn_from_a_thread() -> Result<(), Error> {
    let spawning = std::thread::spawn(|| {
        lwt_rust::spawn(async { RUN.fetch_add(1, Ordering::Relaxed) }).detach();
    });
    spawning.join().map_err(|_| Error::message("no thread"))
}

/// How many tasks of `spawn_from_a_thread` have run.
#[func]
pub(crate) fn tasks_run() -> u64 {
    RUN.load(Ordering::Relaxed)
}

/// Calls a plain closure when it is dropped.
struct CallsAtDrop(Closure<(), i64>);

impl Drop for CallsAtDrop {
    fn drop(&mut self) {
        // If the closure raises an exception, the test notices that its effect is missing.
        let _ = try_with_lock(|lock| self.0.call(lock, ()));
    }
}

/// Cancels a task whose future calls a plain closure when it is dropped.
#[func]
pub(crate) async fn call_when_cancelled(f: Closure<(), i64>) -> Result<(), Error> {
    let held = CallsAtDrop(f);
    let task = executor()?.spawn_local(async move {
        let _held = held;
        pending::<()>().await;
    });
    tokio::task::yield_now().await;
    drop(task);
    Ok(())
}

/// Spawns two tasks, each of which wakes the other one this many times. Returns in which
/// order they ended.
#[func]
pub(crate) async fn play(times: u64) -> Result<Vec<u64>, Error> {
    let executor = executor()?;
    let (there, mut comes) = tokio::sync::mpsc::unbounded_channel();
    let (back, mut returns) = tokio::sync::mpsc::unbounded_channel();
    let (ended, mut order) = tokio::sync::mpsc::unbounded_channel();
    let ended_too = ended.clone();
    let first = executor.spawn_local(async move {
        for n in 0..times {
            let _ = there.send(n);
            returns.recv().await;
        }
        let _ = ended.send(1);
    });
    let second = executor.spawn_local(async move {
        while let Some(n) = comes.recv().await {
            let _ = back.send(n);
        }
        let _ = ended_too.send(2);
    });
    first.await?;
    second.await?;
    let mut all = Vec::new();
    while let Some(n) = order.recv().await {
        all.push(n);
    }
    Ok(all)
}

/// Waits for a task of the domain on a thread that blocks.
#[func]
pub(crate) async fn await_from_a_thread(number: i64) -> Result<i64, Error> {
    let task = executor()?.handle().spawn(async move {
        tokio::task::yield_now().await;
        number
    });
    lwt_rust::spawn_blocking(move || tokio::runtime::Handle::current().block_on(task)).await?
}
