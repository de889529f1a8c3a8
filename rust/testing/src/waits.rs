//! Promises of Lwt promises that other tasks and threads await, and wakers.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use lwt_rust::{DomainExecutor, Error, LwtFn, PortablePromise, Promise};

/// Polls a promise once, and returns its result if it has one.
async fn look_at(promise: &mut Promise<i64>) -> Option<Result<i64, Error>> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *promise).poll(context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    })
    .await
}

/// Calls a closure, polls its promise once, and makes a worker await it.
#[lwt_rust::func]
pub(crate) async fn await_elsewhere(f: LwtFn<(), i64>) -> Result<i64, Error> {
    let mut promise = f.call(());
    match look_at(&mut promise).await {
        Some(result) => result,
        None => tokio::spawn(promise).await?,
    }
}

/// Computes for a time, and then lets other tasks have their turn.
#[lwt_rust::func]
pub(crate) async fn spin_and_yield(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {}
    tokio::task::yield_now().await;
}

/// Calls a closure, and drops its promise in a later turn, just after it has sent a signal to
/// this process.
#[lwt_rust::func]
pub(crate) async fn drop_after_signal(f: LwtFn<(), i64>, signal: i32) -> Result<(), Error> {
    let mut promise = f.call(());
    look_at(&mut promise).await;
    tokio::task::yield_now().await;
    // SAFETY: it touches no memory of ours.
    unsafe { libc::raise(signal) };
    drop(promise);
    tokio::task::yield_now().await;
    Ok(())
}

/// Awaits a promise that OCaml settles in any domain: here, or on a worker of tokio's.
#[lwt_rust::func]
pub(crate) async fn double(number: PortablePromise<i64>, on_tokio: bool) -> Result<i64, Error> {
    let number = match on_tokio {
        true => tokio::spawn(number).await??,
        false => number.await?,
    };
    Ok(2 * number)
}

/// Calls a closure that OCaml gives by a promise.
#[lwt_rust::func]
pub(crate) async fn call_the_given(
    f: PortablePromise<LwtFn<i64, i64>>,
    number: i64,
) -> Result<i64, Error> {
    f.await?.call(number).await
}

/// Awaits a promise that OCaml gives by a promise.
#[lwt_rust::func]
pub(crate) async fn await_the_given(given: PortablePromise<Promise<i64>>) -> Result<i64, Error> {
    given.await?.await
}

/// Calls a closure, and polls its promise once here and perhaps once on a worker. Then the
/// worker drops or detaches the promise.
#[lwt_rust::func]
pub(crate) async fn drop_elsewhere(
    f: LwtFn<(), i64>,
    looks: bool,
    detaches: bool,
) -> Result<(), Error> {
    let mut promise = f.call(());
    look_at(&mut promise).await;
    let drops = async move {
        if looks {
            look_at(&mut promise).await;
        }
        match detaches {
            true => promise.detach(),
            false => drop(promise),
        }
    };
    Ok(tokio::spawn(drops).await?)
}

/// Calls a closure, and makes another task of the domain await its promise.
#[lwt_rust::func]
pub(crate) async fn await_in_another_task(f: LwtFn<(), i64>) -> Result<i64, Error> {
    let executor = DomainExecutor::current().ok_or(Error::Abandoned)?;
    let promise = f.call(());
    executor.spawn_local(promise).await?
}

/// Passes a wake-up on.
struct Between(Waker);

impl Wake for Between {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// Calls a closure, and awaits its promise with a waker that is not the task's own.
#[lwt_rust::func]
pub(crate) async fn await_through_another_waker(f: LwtFn<(), i64>) -> Result<i64, Error> {
    let mut promise = f.call(());
    poll_fn(|context| {
        let waker = Arc::new(Between(context.waker().clone())).into();
        Pin::new(&mut promise).poll(&mut Context::from_waker(&waker))
    })
    .await
}

/// Runs this many tasks to their ends. Then runs as many others, which get the same slots,
/// while a thread wakes the tasks that have ended, again and again.
#[lwt_rust::func]
pub(crate) async fn wake_the_gone(tasks: u64) -> Result<u64, Error> {
    let executor = DomainExecutor::current().ok_or(Error::Abandoned)?;
    let mut wakers = Vec::new();
    for _ in 0..tasks {
        let its = poll_fn(|context| Poll::Ready(context.waker().clone()));
        wakers.push(executor.spawn_local(its));
    }
    let mut gone = Vec::new();
    for waker in wakers {
        gone.push(waker.await?);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let thread = {
        let is_over = is_over.clone();
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                gone.iter().for_each(Waker::wake_by_ref);
                // Valgrind runs one thread at a time.
                std::thread::yield_now();
            }
        })
    };
    let others: Vec<_> = (0..tasks)
        .map(|n| {
            executor.spawn_local(async move {
                for _ in 0..10 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                n
            })
        })
        .collect();
    let mut sum = 0;
    for other in others {
        sum += other.await?;
    }
    is_over.store(true, Ordering::Relaxed);
    let joined = lwt_rust::spawn_blocking(move || thread.join()).await?;
    joined.map_err(|_| Error::message("the thread has panicked"))?;
    Ok(sum)
}

/// Calls a Lwt closure, and is runnable when it asks for that.
#[lwt_rust::func]
pub(crate) async fn call_runnable(f: LwtFn<i64, i64>, number: i64) -> Result<i64, Error> {
    let mut called = f.call(number);
    let mut polls = 0;
    poll_fn(|context| {
        let polled = Pin::new(&mut called).poll(context);
        polls += 1;
        // In its first poll the call is no task yet.
        if polls == 2 {
            context.waker().wake_by_ref();
        }
        polled
    })
    .await
}
