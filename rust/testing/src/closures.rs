//! Lwt closures.

use std::sync::Mutex;

use lwt_rust::{Closure, Error, FromOcaml, LwtFn, OcamlType, Poly, func, with_lock};

/// Calls a closure once.
#[func]
pub(crate) async fn call<A, B>(
    f: LwtFn<Poly<A>, Poly<B>>,
    argument: Poly<A>,
) -> Result<Poly<B>, Error> {
    f.call(argument).await
}

/// Calls a closure once, after a wait.
#[func]
pub(crate) async fn call_later<A, B>(
    f: LwtFn<Poly<A>, Poly<B>>,
    argument: Poly<A>,
) -> Result<Poly<B>, Error> {
    tokio::task::yield_now().await;
    f.call(argument).await
}

/// Calls a closure with 0, 1, … in a loop and sums the answers.
#[func]
pub(crate) async fn sum(f: LwtFn<u64, u64>, times: u64) -> Result<u64, Error> {
    let mut sum = 0;
    for n in 0..times {
        sum += f.call(n).await?;
    }
    Ok(sum)
}

/// Does the same as `sum`, on a tokio worker.
#[func]
pub(crate) async fn sum_on_tokio(f: LwtFn<u64, u64>, times: u64) -> Result<u64, Error> {
    tokio::spawn(async move {
        let mut sum = 0;
        for n in 0..times {
            sum += f.call(n).await?;
        }
        Ok(sum)
    })
    .await?
}

/// Calls a closure from many tokio tasks at the same time.
#[func]
pub(crate) async fn sum_of_tasks(f: LwtFn<u64, u64>, tasks: u64) -> Result<u64, Error> {
    let tasks: Vec<_> = (0..tasks)
        .map(|n| {
            let f = f.clone();
            tokio::spawn(async move { f.call(n).await })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    Ok(sum)
}

/// Calls a plain closure after a timer of tokio's.
#[func]
pub(crate) async fn call_plain_later(f: Closure<i64, i64>, number: i64) -> Result<i64, Error> {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    with_lock(|lock| f.call(lock, number))
}

static KEPT: Mutex<Option<Closure<i64, i64>>> = Mutex::new(None);

/// Keeps a plain closure.
#[func]
pub(crate) fn keep_plain(f: Closure<i64, i64>) -> Result<(), Error> {
    *KEPT.lock().map_err(|_| Error::message("a panic"))? = Some(f);
    Ok(())
}

/// Takes the closure that was kept.
pub(crate) fn kept_plain() -> Result<Closure<i64, i64>, Error> {
    let kept = KEPT.lock().map_err(|_| Error::message("a panic"))?.take();
    kept.ok_or_else(|| Error::message("nothing is kept"))
}

/// Calls the closure that was kept.
#[func]
pub(crate) async fn call_plain_kept(number: i64) -> Result<i64, Error> {
    let f = kept_plain()?;
    with_lock(|lock| f.call(lock, number))
}

static KEPT_LWT: Mutex<Option<LwtFn<i64, i64>>> = Mutex::new(None);

/// Keeps a Lwt closure.
#[func]
pub(crate) fn keep_lwt(f: LwtFn<i64, i64>) -> Result<(), Error> {
    *KEPT_LWT.lock().map_err(|_| Error::message("a panic"))? = Some(f);
    Ok(())
}

/// Calls the Lwt closure that was kept.
#[func]
pub(crate) async fn call_kept(number: i64) -> Result<i64, Error> {
    let kept = KEPT_LWT
        .lock()
        .map_err(|_| Error::message("a panic"))?
        .take();
    let f = kept.ok_or_else(|| Error::message("nothing is kept"))?;
    f.call(number).await
}

/// A record with a Lwt closure.
#[derive(OcamlType, FromOcaml)]
pub(crate) struct Handlers {
    text: String,
    on_number: LwtFn<i64, i64>,
}

/// Calls the closure of a record, after a turn.
#[func]
pub(crate) async fn call_of_record(handlers: Handlers) -> Result<i64, Error> {
    tokio::task::yield_now().await;
    handlers.on_number.call(handlers.text.len() as i64).await
}

/// Keeps a plain closure, and is ready at once.
#[func]
pub(crate) async fn keep_plain_at_once(f: Closure<i64, i64>) -> Result<(), Error> {
    *KEPT.lock().map_err(|_| Error::message("a panic"))? = Some(f);
    Ok(())
}

/// Keeps a plain closure, and calls it.
#[func]
pub(crate) fn keep_and_apply(f: Closure<i64, i64>, number: i64) -> Result<i64, Error> {
    *KEPT.lock().map_err(|_| Error::message("a panic"))? = Some(f.clone());
    with_lock(|lock| f.call(lock, number))
}

/// Keeps a plain closure that another one makes.
#[func]
pub(crate) fn keep_made(make: Closure<(), Closure<i64, i64>>) -> Result<(), Error> {
    let made = with_lock(|lock| make.call(lock, ()))?;
    *KEPT.lock().map_err(|_| Error::message("a panic"))? = Some(made);
    Ok(())
}

/// Calls a Lwt closure and a plain one, in this order.
#[func]
pub(crate) async fn call_lwt_and_plain(
    f: LwtFn<i64, i64>,
    plain: Closure<i64, i64>,
) -> Result<i64, Error> {
    let promise = f.call(0);
    with_lock(|lock| plain.call(lock, 0))?;
    promise.await
}

/// Calls a plain closure, and then a Lwt one three times at once.
#[func]
pub(crate) async fn call_plain_and_three(
    plain: Closure<i64, i64>,
    f: LwtFn<i64, i64>,
) -> Result<i64, Error> {
    with_lock(|lock| plain.call(lock, 0))?;
    let promises = [f.call(1), f.call(2), f.call(3)];
    let mut sum = 0;
    for promise in promises {
        sum += promise.await?;
    }
    Ok(sum)
}
