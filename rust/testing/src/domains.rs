//! Domains, and work that goes from one to another.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};

use futures_lite::StreamExt;
use lwt_rust::{
    DomainExecutor, Error, FromOcaml, Handle, LwtFn, LwtSink, LwtStream, Poly, Root, func,
    with_lock,
};
use tokio::task::JoinHandle;

fn no_lwt() -> Error {
    Error::message("no domain runs the Lwt loop")
}

/// Calls a closure in the domain of the Lwt loop, from any domain.
#[func]
pub(crate) async fn call_in_lwt<A, B>(
    f: LwtFn<Poly<A>, Poly<B>>,
    argument: Poly<A>,
) -> Result<Poly<B>, Error> {
    f.in_domain(Handle::of_lwt().ok_or_else(no_lwt)?)
        .call(argument)
        .await
}

/// Does the same as `call_in_lwt`, from a tokio task.
#[func]
pub(crate) async fn call_in_lwt_from_tokio(f: LwtFn<i64, i64>, n: i64) -> Result<i64, Error> {
    tokio::spawn(async move {
        f.in_domain(Handle::of_lwt().ok_or_else(no_lwt)?)
            .call(n)
            .await
    })
    .await?
}

/// Spawns a task in the domain of the Lwt loop, which reads an OCaml value
/// there.
#[func]
pub(crate) async fn spawn_in_lwt<A>(value: Poly<A>) -> Result<Option<i64>, Error> {
    let value = Root::from(value);
    let lwt = Handle::of_lwt().ok_or_else(no_lwt)?;
    lwt.spawn(async move { with_lock(|lock| value.get(lock).as_int()) })
        .await
}

/// Spawns a task that panics, and awaits it. The task runs in this domain (0), in a
/// scope on a worker of tokio's (1), or in the domain of the Lwt loop.
#[func]
pub(crate) async fn panic_in_task(place: u32) -> Result<(), Error> {
    let panics = async { panic!("panic of a task") };
    match place {
        0 => {
            let executor = DomainExecutor::current().ok_or_else(no_lwt)?;
            executor.spawn_local(panics).await
        }
        1 => lwt_rust::spawn_scoped(panics).await,
        _ => Handle::of_lwt().ok_or_else(no_lwt)?.spawn(panics).await,
    }
}

/// Spawns a task that waits for ever, and awaits it from a tokio task.
#[func]
pub(crate) async fn await_task_from_tokio() -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or_else(no_lwt)?;
    let task = executor.handle().spawn(std::future::pending::<()>());
    tokio::spawn(task).await?
}

/// Leaves a task behind that waits for ever, holding a value.
#[func]
pub(crate) async fn leave_task<A>(value: Poly<A>) -> Result<(), Error> {
    let value = Root::from(value);
    let executor = DomainExecutor::current().ok_or_else(no_lwt)?;
    executor
        .spawn_local(async move {
            std::future::pending::<()>().await;
            drop(value);
        })
        .detach();
    Ok(())
}

/// Keeps a list of texts, in addition to those that were kept before.
#[func]
pub(crate) async fn keep_root(value: Root) -> Result<(), Error> {
    ROOTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(value);
    Ok(())
}

/// The list that was kept first.
#[func]
pub(crate) async fn kept_root() -> Result<Vec<String>, Error> {
    let mut roots = ROOTS.lock().unwrap_or_else(PoisonError::into_inner);
    match roots.is_empty() {
        true => Err(Error::message("nothing is kept")),
        // SAFETY: the tests keep lists of strings only.
        false => with_lock(|lock| unsafe { FromOcaml::from_ocaml(roots.remove(0).get(lock)) }),
    }
}

static ROOTS: Mutex<Vec<Root>> = Mutex::new(Vec::new());

static KEPT: Mutex<Option<Handle>> = Mutex::new(None);

/// Keeps the handle of this domain.
#[func]
pub(crate) async fn keep_handle() -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or_else(no_lwt)?;
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some(executor.handle());
    Ok(())
}

/// Spawns a task in the domain whose handle was kept, and awaits it.
#[func]
pub(crate) async fn spawn_in_kept() -> Result<(), Error> {
    let kept = *KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.ok_or_else(no_lwt)?.spawn(async {}).await
}

/// What tokio's threads do with the streams and sinks that were given to them.
static LEFT: Mutex<Vec<JoinHandle<Result<i64, Error>>>> = Mutex::new(Vec::new());

fn leave(work: impl Future<Output = Result<i64, Error>> + Send + 'static) {
    let work = tokio::spawn(work);
    LEFT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(work);
}

/// Gives a stream to a thread of tokio's, which counts its items.
#[func]
pub(crate) async fn leave_reader(mut numbers: LwtStream<i64>) {
    leave(async move {
        let mut count = 0;
        while let Some(number) = numbers.next().await {
            number?;
            count += 1;
        }
        Ok(count)
    });
}

/// Gives a sink to a thread of tokio's, which sends to it for ever.
#[func]
pub(crate) async fn leave_filler(mut numbers: LwtSink<i64>) {
    leave(async move {
        let mut count = 0;
        loop {
            numbers.send(count).await?;
            count += 1;
        }
    });
}

/// The result of the reader or filler that was left last.
#[func]
pub(crate) async fn result_of_left() -> Result<i64, Error> {
    let work = LEFT.lock().unwrap_or_else(PoisonError::into_inner).pop();
    work.ok_or_else(|| Error::message("nothing was left"))?
        .await?
}
