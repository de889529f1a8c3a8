//! The Rust functions of the benchmark in `bench/`.

mod baseline;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lwt_rust::{DomainExecutor, Error, LwtFn, Raw, func};
use tokio::sync::watch;

lwt_rust::library! {
    #![doc = "What the benchmark measures."]
    call_times, ready, wait, through_tokio, blocking, sleep, for_ever,
    close_gate, behind_gate, open_gate, tasks, notify_from_thread,
}

/// Calls a Lwt closure a number of times, awaiting each promise.
#[func]
async fn call_times(step: LwtFn<(), ()>, times: u64) -> Result<(), Error> {
    for _ in 0..times {
        step.call(()).await?;
    }
    Ok(())
}

/// Is ready at once.
#[func]
async fn ready() {}

/// Waits once, on the domain.
#[func]
async fn wait() {
    tokio::task::yield_now().await;
}

/// Goes to a worker of tokio's and comes back.
#[func]
async fn through_tokio() -> Result<(), Error> {
    Ok(tokio::spawn(async {}).await?)
}

/// Does nothing on a thread that may block.
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

static GATE: Mutex<Option<watch::Sender<bool>>> = Mutex::new(None);

/// From now on tasks wait behind the gate.
#[func]
fn close_gate() {
    let (sender, _) = watch::channel(false);
    *GATE.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
}

/// Ends on a worker of tokio's when the gate is opened.
#[func]
async fn behind_gate() -> Result<(), Error> {
    let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner);
    let receiver = gate.as_ref().map(watch::Sender::subscribe);
    drop(gate);
    let mut receiver = receiver.ok_or_else(|| Error::message("there is no gate"))?;
    tokio::spawn(async move {
        // That the sender is gone opens the gate as well.
        let _ = receiver.wait_for(|open| *open).await;
    })
    .await?;
    Ok(())
}

/// Opens the gate.
#[func]
fn open_gate() {
    let gate = GATE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(gate) = gate {
        // Nobody may be waiting.
        let _ = gate.send(true);
    }
}

/// Has tasks of this domain wait so many times each, and awaits them all.
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

/// Sends the Lwt_unix notification of this number from a thread.
#[func]
fn notify_from_thread(id: isize) -> Result<(), Error> {
    baseline::notify_from_thread(id)
}

/// `unit -> unit`, `[@@noalloc]`: a stub that does nothing.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_bench_nothing(unit: Raw) -> Raw {
    unit
}
