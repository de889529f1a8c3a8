//! Threads, and the wake-ups between them.

use std::{
    cell::Cell,
    future::{Future, pending},
    mem::MaybeUninit,
    pin::pin,
    rc::Rc,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use lwt_rust::{
    Closure, DomainExecutor, Error, func, runtime, spawn_blocking, try_with_lock, with_lock,
};

/// The name of a tokio worker.
#[func]
pub(crate) async fn worker_name() -> Result<String, Error> {
    let name = tokio::spawn(async { std::thread::current().name().map(str::to_owned) });
    name.await?
        .ok_or_else(|| Error::message("the worker has no name"))
}

/// Whether a tokio worker and a thread of the blocking pool block signals.
#[func]
pub(crate) async fn signals_blocked(signal: i32) -> Result<(bool, bool), Error> {
    let worker = tokio::spawn(async move { is_blocked(signal) }).await?;
    let blocking = tokio::task::spawn_blocking(move || is_blocked(signal)).await?;
    Ok((worker, blocking))
}

/// Whether the calling thread blocks a signal.
#[func]
pub(crate) async fn signal_blocked_here(signal: i32) -> bool {
    is_blocked(signal)
}

/// Returns whether the lock can be had in a task, in a loan of the lock, and on a
/// worker.
#[func]
pub(crate) async fn lock() -> Result<(bool, bool, bool), Error> {
    let twice = try_with_lock(|_| try_with_lock(|_| ()).is_some());
    let worker = tokio::spawn(async { try_with_lock(|_| ()).is_some() }).await?;
    Ok((twice.is_some(), twice.unwrap_or(true), worker))
}

/// Runs this many tasks that wake themselves until they are dropped, while it counts
/// turns of its own.
#[func]
pub(crate) async fn spin(tasks: u64, turns: u64) -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    let spinning: Vec<_> = (0..tasks)
        .map(|_| {
            executor.spawn_local(async {
                loop {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    drop::<Vec<lwt_rust::Task<()>>>(spinning);
    Ok(())
}

/// Wakes this many tasks of the domain at once, and counts them.
#[func]
pub(crate) async fn herd(tasks: usize) -> Result<usize, Error> {
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let waiting = Rc::new(Cell::new(0));
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (gate, waiting) = (gate.clone(), waiting.clone());
            executor.spawn_local(async move {
                waiting.set(waiting.get() + 1);
                gate.acquire().await.is_err()
            })
        })
        .collect();
    while waiting.get() < tasks.len() {
        tokio::task::yield_now().await;
    }
    gate.close();
    let mut passed = 0;
    for task in tasks {
        passed += usize::from(task.await?);
    }
    Ok(passed)
}

/// Runs tokio tasks that all finish at about the same time.
#[func]
pub(crate) async fn storm(tasks: u64) -> Result<u64, Error> {
    let tasks: Vec<_> = (0..tasks).map(|n| tokio::spawn(async move { n })).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await?;
    }
    Ok(sum)
}

/// Makes tasks use a runtime that this crate has made.
#[func]
pub(crate) fn adopt() -> Result<(), Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .thread_name("adopted")
        .enable_all();
    let started = builder.build()?;
    runtime::adopt(started.handle().clone())?;
    std::mem::forget(started);
    Ok(())
}

/// Makes this many functions that block wait for each other.
#[func]
pub(crate) async fn meet_blocked(functions: usize) -> Result<(), Error> {
    let barrier = Arc::new(Barrier::new(functions));
    let meet = || {
        let barrier = barrier.clone();
        spawn_blocking(move || barrier.wait())
    };
    let met: Vec<_> = (0..functions).map(|_| meet()).collect();
    for one in met {
        one.await?;
    }
    Ok(())
}

/// Spawns this many functions that may block, and drops each of the futures at once.
/// Returns how many functions were called.
#[func]
pub(crate) async fn drop_blocking(functions: usize) -> Result<usize, Error> {
    let called = Arc::new(AtomicUsize::new(0));
    for _ in 0..functions {
        let called = called.clone();
        drop(spawn_blocking(move || {
            called.fetch_add(1, Ordering::Relaxed)
        }));
    }
    // The functions that have begun may not have ended.
    while Arc::strong_count(&called) > 1 {
        spawn_blocking(|| ()).await?;
    }
    Ok(called.load(Ordering::Relaxed))
}

/// Spawns a function that may block, and detaches it. Returns the number that the function
/// sends.
#[func]
pub(crate) async fn detach_blocking(number: i64) -> Result<i64, Error> {
    let (resolver, promise) = lwt_rust::Promise::new();
    spawn_blocking(move || resolver.resolve(number)).detach();
    promise.await
}

/// Returns whether a function that may block is abandoned at once, since the runtime is
/// shut down.
#[func]
pub(crate) fn is_blocking_abandoned() -> bool {
    let spawned = pin!(spawn_blocking(|| ()));
    let polled = spawned.poll(&mut Context::from_waker(Waker::noop()));
    matches!(polled, Poll::Ready(Err(Error::Abandoned)))
}

/// Fails with an error of tokio's: a time-out, or a task that was aborted.
#[func]
pub(crate) async fn fail_as_tokio(is_time_out: bool) -> Result<(), Error> {
    if is_time_out {
        tokio::time::timeout(Duration::from_millis(1), pending()).await?
    }
    let task = tokio::spawn(pending::<()>());
    task.abort();
    Ok(task.await?)
}

/// Calls a closure with the context of another runtime entered.
#[func]
pub(crate) fn call_in_other_runtime(f: Closure<(), ()>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let _entered = runtime.enter();
    with_lock(|lock| f.call(lock, ()))
}

/// Returns the bytes that the C library's allocator has given out and not got back; 0 where
/// the allocator does not say.
#[func]
pub(crate) fn allocated() -> usize {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it only reads the allocator's counts, each under its lock.
        let counts = unsafe { libc::mallinfo2() };
        counts.uordblks + counts.hblkhd
    }
    #[cfg(not(target_env = "gnu"))]
    0
}

/// Makes the C library's allocator give its free memory back to the system.
#[func]
pub(crate) fn trim() {
    // SAFETY: any thread may call it at any time.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

fn is_blocked(signal: i32) -> bool {
    let mut mask = MaybeUninit::uninit();
    // SAFETY: a null second argument asks only for the mask, and `mask` is valid
    // for writing.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr()) };
    // SAFETY: the call above has initialised it.
    let mask = unsafe { mask.assume_init() };
    // SAFETY: `mask` is a valid set.
    unsafe { libc::sigismember(&mask, signal) == 1 }
}
