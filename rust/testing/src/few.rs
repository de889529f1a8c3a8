//! More calls, tasks and awaited promises than a domain may have.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lwt_rust::{DomainExecutor, Error, LwtFn, Task, func};
use tokio::sync::Semaphore;

/// Sets how many calls, tasks and awaited promises there may be.
#[func]
pub(crate) fn set_most_slots(most: usize) {
    lwt_rust_core::set_most_slots(most);
}

fn sorted<T>(results: Vec<Result<T, Error>>) -> (usize, Vec<String>) {
    let messages = |result: &Result<T, Error>| result.as_ref().err().map(ToString::to_string);
    let refused: Vec<_> = results.iter().filter_map(messages).collect();
    (results.len() - refused.len(), refused)
}

/// Calls a closure this many times before it awaits the first of the promises. Returns how
/// many gave the expected value, and the messages of the others.
#[func]
pub(crate) async fn call_many(f: LwtFn<usize, usize>, times: usize) -> (usize, Vec<String>) {
    let promises: Vec<_> = (0..times).map(|n| f.call(n)).collect();
    let mut results = Vec::new();
    for promise in promises {
        results.push(promise.await);
    }
    sorted(results)
}

/// Does the same as `call_many`, from a worker of tokio's.
#[func]
pub(crate) async fn call_many_elsewhere(
    f: LwtFn<usize, usize>,
    times: usize,
) -> Result<(usize, Vec<String>), Error> {
    let calls = async move {
        let promises: Vec<_> = (0..times).map(|n| f.call(n)).collect();
        let mut results = Vec::new();
        for promise in promises {
            results.push(promise.await);
        }
        sorted(results)
    };
    Ok(tokio::spawn(calls).await?)
}

/// Counts the caller, and waits until the gate is closed.
async fn wait_at(gate: Arc<Semaphore>, waiting: Arc<AtomicUsize>) -> bool {
    waiting.fetch_add(1, Ordering::Relaxed);
    gate.acquire().await.is_err()
}

/// Spawns this many tasks that wait at the same time.
#[func]
pub(crate) async fn spawn_many(tasks: usize) -> Result<(usize, Vec<String>), Error> {
    // The call itself is a task from now on.
    tokio::task::yield_now().await;
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    let waits = |_| {
        let (gate, waiting) = (gate.clone(), waiting.clone());
        executor.spawn_local(wait_at(gate, waiting))
    };
    let tasks: Vec<_> = (0..tasks).map(waits).collect();
    while waiting.load(Ordering::Relaxed) < tasks.len() {
        tokio::task::yield_now().await;
    }
    gate.close();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await);
    }
    Ok(sorted(results))
}

/// Does the same as `spawn_many`, from another thread.
#[func]
pub(crate) async fn spawn_many_elsewhere(tasks: usize) -> Result<(usize, Vec<String>), Error> {
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    let handle = executor.handle();
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::new(AtomicUsize::new(0));
    let spawned = {
        let (gate, waiting) = (gate.clone(), waiting.clone());
        tokio::task::spawn_blocking(move || -> Vec<Task<bool>> {
            let waits = |_| handle.spawn(wait_at(gate.clone(), waiting.clone()));
            (0..tasks).map(waits).collect()
        })
        .await?
    };
    while waiting.load(Ordering::Relaxed) < spawned.len() {
        tokio::task::yield_now().await;
    }
    gate.close();
    let mut results = Vec::new();
    for task in spawned {
        results.push(task.await);
    }
    Ok(sorted(results))
}
