//! Calls of threads beside the one that runs the loop, and what they have to leave to it.

use std::{
    rc::Rc,
    sync::{Mutex, PoisonError},
};

use lwt_rust::{Error, LwtFn, Promise, func, with_lock};
use tokio::sync::{mpsc, oneshot};

use crate::closures::kept_plain;

static NUMBERS: Mutex<Option<mpsc::UnboundedSender<i64>>> = Mutex::new(None);

/// Gives the numbers of `number_and_call` to a closure, in a local task.
#[func]
pub(crate) async fn call_with_numbers(f: LwtFn<i64, ()>) -> Result<(), Error> {
    let (sender, mut numbers) = mpsc::unbounded_channel();
    *NUMBERS.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    let task = lwt_rust::spawn_local(async move {
        while let Some(number) = numbers.recv().await {
            f.call(number).await?;
        }
        Ok(())
    });
    task.await?
}

/// Ends `call_with_numbers`.
#[func]
pub(crate) fn end_numbers() {
    *NUMBERS.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Wakes the task of `call_with_numbers`, and calls a closure twice. It drops the first
/// promise.
#[func]
pub(crate) async fn number_and_call(number: i64, f: LwtFn<(), ()>) -> Result<(), Error> {
    if let Some(numbers) = &*NUMBERS.lock().unwrap_or_else(PoisonError::into_inner) {
        numbers
            .send(number)
            .map_err(|_| Error::message("the task has ended"))?;
    }
    drop(f.call(()));
    f.call(()).await
}

static SHARED: Mutex<Option<oneshot::Sender<Promise<i64>>>> = Mutex::new(None);

/// Waits for the promise that `share` shares, and calls a closure with its number. The future
/// is not `Send`.
#[func]
pub(crate) async fn call_with_shared(f: LwtFn<i64, i64>) -> Result<i64, Error> {
    let one = Rc::new(1);
    let (sender, shared) = oneshot::channel();
    *SHARED.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    let promise = shared.await.map_err(|_| Error::Abandoned)?;
    let number = promise.await?;
    f.call(number * *one).await
}

/// Calls a closure, and shares its promise with `call_with_shared`.
#[func]
pub(crate) async fn share(f: LwtFn<(), i64>) -> Result<(), Error> {
    let promise = f.call(());
    let sender = SHARED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let sender = sender.ok_or_else(|| Error::message("nobody waits"))?;
    sender
        .send(promise)
        .map_err(|_| Error::message("nobody waits any more"))?;
    tokio::task::yield_now().await;
    Ok(())
}

static KEPT: Mutex<Option<Promise<i64>>> = Mutex::new(None);

/// Keeps a promise.
#[func]
pub(crate) fn keep_promise(promise: Promise<i64>) {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(promise);
}

/// Drops the promise that was kept, and lets others have their turn.
#[func]
pub(crate) async fn drop_kept_promise() {
    drop(KEPT.lock().unwrap_or_else(PoisonError::into_inner).take());
    tokio::task::yield_now().await;
}

/// Calls the plain closure that was kept.
#[func]
pub(crate) fn apply_kept(number: i64) -> Result<i64, Error> {
    let f = kept_plain()?;
    with_lock(|lock| f.call(lock, number))
}
