//! Futures that are dropped.

use std::{
    future::pending,
    sync::atomic::{AtomicU64, Ordering},
};

use lwt_rust::{
    Closure, DomainExecutor, Error, LwtFn, Poly, Promise, func, spawn_scoped, try_with_lock,
    with_lock,
};

static LIVE: AtomicU64 = AtomicU64::new(0);

/// Counts itself for as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Waits for ever, counted.
#[func]
pub(crate) async fn for_ever() -> Result<(), Error> {
    let _counted = Counted::new();
    pending().await
}

/// How many counted futures there are.
#[func]
pub(crate) async fn live() -> u64 {
    LIVE.load(Ordering::Relaxed)
}

/// Calls a closure after a wait, counted, and then waits for ever.
#[func]
pub(crate) async fn call_and_wait(f: LwtFn<(), ()>) -> Result<(), Error> {
    let _counted = Counted::new();
    tokio::task::yield_now().await;
    f.call(()).await?;
    pending().await
}

/// Does the same as `call_and_wait`, but completes in the poll that called.
#[func]
pub(crate) async fn call_and_return(f: LwtFn<(), ()>) -> Result<(), Error> {
    let _counted = Counted::new();
    tokio::task::yield_now().await;
    f.call(()).await
}

/// Calls a closure and drops its promise, in the domain or on a worker.
#[func]
pub(crate) async fn drop_promise(f: LwtFn<(), ()>, on_tokio: bool) -> Result<(), Error> {
    if on_tokio {
        let dropped = tokio::spawn(async move { drop(f.call(())) });
        return Ok(dropped.await?);
    }
    drop(f.call(()));
    Ok(())
}

/// Never polls a promise, but drops it or detaches it.
#[func]
pub(crate) async fn leave_unpolled<A>(
    promise: Promise<Poly<A>>,
    detach: bool,
) -> Result<(), Error> {
    if detach {
        promise.detach();
    }
    Ok(())
}

/// Calls a closure and detaches its promise. On another thread this is over before the
/// domain can call the closure.
#[func]
pub(crate) async fn detach_promise(f: LwtFn<(), ()>, on_thread: bool) -> Result<(), Error> {
    if on_thread {
        let detached = std::thread::spawn(move || f.call(()).detach());
        return detached
            .join()
            .map_err(|_| Error::message("detaching panicked"));
    }
    f.call(()).detach();
    Ok(())
}

/// Calls a closure at once, ignores its exception, and waits for ever, counted.
#[func]
pub(crate) async fn swallow_and_wait(f: LwtFn<(), ()>) -> Result<u32, Error> {
    let _counted = Counted::new();
    drop(f.call(()).await);
    pending().await
}

/// Awaits a counted task of tokio's that waits for ever.
#[func]
pub(crate) async fn scoped() -> Result<(), Error> {
    let counted = Counted::new();
    spawn_scoped(async move {
        let _counted = counted;
        pending::<()>().await;
    })
    .await
}

/// Spawns a task that is not `Send` and that waits for ever, and drops it.
#[func]
pub(crate) async fn drop_task() -> Result<(), Error> {
    let counted = std::rc::Rc::new(Counted::new());
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    let task = executor.spawn_local(async move {
        let _counted = counted;
        pending::<()>().await
    });
    tokio::task::yield_now().await;
    drop(task);
    Ok(())
}

/// Waits so many turns and then calls a closure, cancelled or not.
#[func(protected)]
pub(crate) async fn protected(turns: u64, f: LwtFn<(), ()>) -> Result<(), Error> {
    let _counted = Counted::new();
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    f.call(()).await
}

/// Calls a closure when it is dropped, if the lock can be had there.
struct AtEnd(Closure<(), ()>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        // If the closure raises an exception, the test notices that its effect is missing.
        let _ = try_with_lock(|lock| self.0.call(lock, ()));
    }
}

/// Returns whether `N` bytes are unchanged after this many turns.
async fn hold<const N: usize>(byte: u8, turns: u64, at_end: Closure<(), ()>) -> bool {
    let _at_end = AtEnd(at_end);
    let bytes = std::hint::black_box([byte; N]);
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    bytes.iter().all(|&held| held == byte)
}

/// Holds a few bytes, and calls a closure when it is dropped by the executor.
#[func]
pub(crate) async fn hold_little(byte: u8, turns: u64, at_end: Closure<(), ()>) -> bool {
    hold::<24>(byte, turns, at_end).await
}

/// Does the same as [`hold_little`], with more bytes.
#[func]
pub(crate) async fn hold_much(byte: u8, turns: u64, at_end: Closure<(), ()>) -> bool {
    hold::<3000>(byte, turns, at_end).await
}

/// Calls a plain closure in the first poll, then waits for ever, counted.
#[func]
pub(crate) async fn call_at_once_and_wait(f: Closure<(), ()>) -> Result<(), Error> {
    let _counted = Counted::new();
    with_lock(|lock| f.call(lock, ()))?;
    pending().await
}
