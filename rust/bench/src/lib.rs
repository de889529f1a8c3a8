//! The Rust functions of the benchmark in `bench/`.

mod baseline;
mod bytes;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_core::Stream;
use futures_lite::{StreamExt, stream};
use lwt_rust::{
    DomainExecutor, Error, LwtFn, LwtStream,
    channel::{Receiver, bounded},
    func,
};
use tokio::sync::{mpsc, oneshot};

lwt_rust::library! {
    #![doc = "The subjects of the benchmark."]
    call_times, call_in_the_background, ready, wait, through_tokio, blocking, sleep, for_ever,
    behind_gate, behind_gate_in_tokio, open_gate, tasks, notify_from_thread,
    numbers, numbers_from_tokio, numbers_through_a_channel, read,
    bytes::sending_server, bytes::receiving_server, bytes::connect, bytes::take, bytes::give_back, bytes::thread_time,
}

/// Calls a Lwt closure a number of times, awaiting each promise.
#[func]
async fn call_times(step: LwtFn<(), ()>, times: u64) -> Result<(), Error> {
    for _ in 0..times {
        step.call(()).await?;
    }
    Ok(())
}

/// Calls a Lwt closure a number of times in a task that it spawns. Returns at once.
// The closure has another type than that of `call_times`, so that the compiler treats that
// function as if this one were not there.
#[func]
async fn call_in_the_background(step: LwtFn<u64, ()>, times: u64) -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or(Error::Abandoned)?;
    let calls = async move {
        for n in 0..times {
            step.call(n).await?;
        }
        Ok::<_, Error>(())
    };
    executor.spawn_local(calls).detach();
    Ok(())
}

/// A call that is ready at once.
#[func]
async fn ready() {}

/// Waits once, on the domain.
#[func]
async fn wait() {
    tokio::task::yield_now().await;
}

/// Spawns a task on tokio's workers, and awaits it.
#[func]
async fn through_tokio() -> Result<(), Error> {
    Ok(tokio::spawn(async {}).await?)
}

/// Does nothing, on a thread of tokio's blocking pool.
#[func(blocking)]
fn blocking() {}

/// Sleeps.
#[func]
async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits until it is cancelled.
#[func]
async fn for_ever() {
    std::future::pending().await
}

/// The gate: a sender for each task behind it.
static GATE: Mutex<Vec<oneshot::Sender<()>>> = Mutex::new(Vec::new());

/// Awaits a task that ends, on a worker of tokio, when the gate is opened.
#[func]
async fn behind_gate() -> Result<(), Error> {
    wait_behind_gate().await
}

async fn wait_behind_gate() -> Result<(), Error> {
    let (sender, opened) = oneshot::channel();
    GATE.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(sender);
    Ok(tokio::spawn(opened).await??)
}

/// The time for a completion of `tasks` tasks of tokio's, in nanoseconds, from the moment in
/// which the gate is opened. Each does as `behind_gate`, without OCaml.
#[func]
async fn behind_gate_in_tokio(tasks: u32) -> Result<f64, Error> {
    let all: Vec<_> = (0..tasks)
        .map(|_| tokio::spawn(wait_behind_gate()))
        .collect();
    let all = tokio::spawn(async move {
        for task in all {
            task.await??;
        }
        Ok::<_, Error>(Instant::now())
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let start = Instant::now();
    open_now().await?;
    let end = all.await??;
    Ok((end - start).as_secs_f64() * 1e9 / f64::from(tasks))
}

/// Opens the gate on a worker of tokio, for all tasks that are behind it now.
#[func]
async fn open_gate() -> Result<(), Error> {
    open_now().await
}

async fn open_now() -> Result<(), Error> {
    let senders = std::mem::take(&mut *GATE.lock().unwrap_or_else(PoisonError::into_inner));
    let open = async move {
        for sender in senders {
            // `send` fails if the task was cancelled.
            let _ = sender.send(());
        }
    };
    Ok(tokio::spawn(open).await?)
}

/// Spawns `tasks` tasks in this domain, each of which yields `polls` times, and awaits
/// them all.
#[func]
async fn tasks(tasks: u64, polls: u64) -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or(Error::Abandoned)?;
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            executor.spawn_local(async move {
                for _ in 0..polls {
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}

/// The numbers below `count`, each ready at once.
#[func]
fn numbers(count: u64) -> impl Stream<Item = u64> {
    stream::iter(0..count)
}

/// The same, through a bounded channel from a thread of tokio's.
#[func(tokio)]
fn numbers_from_tokio(count: u64) -> impl Stream<Item = u64> {
    let (sender, mut receiver) = mpsc::channel(1_000);
    tokio::spawn(async move {
        for number in 0..count {
            if sender.send(number).await.is_err() {
                break;
            }
        }
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// The same, through a channel of `lwt_rust`.
#[func(tokio)]
fn numbers_through_a_channel(count: u64) -> Receiver<u64> {
    let (sender, receiver) = bounded(1_000);
    tokio::spawn(async move {
        for number in 0..count {
            if sender.send(number).await.is_err() {
                break;
            }
        }
    });
    receiver
}

/// Reads a stream to its end.
#[func]
async fn read(mut numbers: LwtStream<u64>) -> Result<(), Error> {
    while let Some(number) = numbers.next().await {
        number?;
    }
    Ok(())
}

/// Sends the Lwt_unix notification with this number from another thread.
#[func]
fn notify_from_thread(id: isize) -> Result<(), Error> {
    baseline::notify_from_thread(id)
}

/// `unit -> unit`, `[@@noalloc]`: a stub that does nothing.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_bench_nothing(unit: isize) -> isize {
    unit
}
