//! Functions that spawn tasks in a domain.

use std::future::Future;

use lwt_rust_core::drop_quietly;

use super::{DomainExecutor, Handle, Task, here::here, registry};
use crate::{
    error::Error,
    ocaml::{Access, access, try_with_lock},
};

/// Spawns a task in a domain. The task runs with the domain's lock held and with tokio's
/// context entered, so it may call OCaml and use tokio's I/O.
///
/// ```no_run
/// # use lwt_rust::{LwtFn, func};
/// /// Calls `tick` every second, and returns at once.
/// #[func]
/// fn start_ticking(tick: LwtFn<(), ()>) {
///     let ticking = lwt_rust::spawn(async move {
///         loop {
///             tokio::time::sleep(std::time::Duration::from_secs(1)).await;
///             if tick.call(()).await.is_err() {
///                 break;
///             }
///         }
///     });
///     ticking.detach();
/// }
/// # fn main() {}
/// ```
///
/// If the caller runs in a domain, the task runs there: when the Lwt loop of that domain goes
/// on, or when the domain calls `Lwt_rust.Executor.run`. Any other thread, such as one of
/// tokio's, spawns it in the domain of the Lwt loop. [`Handle::spawn`](super::Handle::spawn)
/// chooses the domain. Any thread may call this; it never blocks.
///
/// # Errors
///
/// If the task cannot be spawned, `future` is dropped, and the [`Task`] gives the reason.
/// For example, the caller is a thread of tokio's, and no domain has called an asynchronous
/// function yet. If such a [`Task`] is detached, nothing tells of the reason.
///
/// # Cancellation
///
/// Dropping the [`Task`] cancels the task. [`Task::detach`] lets it go on.
pub fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Task<T> {
    let handle = match here().map(|executor| Ok(executor.handle())) {
        Some(handle) => Some(handle),
        None => try_with_lock(registry::attached)
            .map(|attached| attached.map(DomainExecutor::handle))
            .or_else(|| Handle::of_lwt().map(Ok)),
    };
    match handle {
        Some(Ok(handle)) => handle.spawn(future),
        Some(Err(error)) => refuse(future, error),
        None => refuse(
            future,
            Error::message(
                "a task was spawned on a thread outside of OCaml, and no domain has called an \
                 asynchronous Rust function: call Lwt_rust.Runtime.start () before",
            ),
        ),
    }
}

/// Spawns a task as [`spawn`] does. The task stays on the calling thread, so neither the
/// task nor its result needs to be `Send`:
///
/// ```no_run
/// # use std::{cell::Cell, rc::Rc};
/// # use lwt_rust::{Error, LwtFn, func};
/// #[func]
/// async fn call_both(first: LwtFn<(), ()>, second: LwtFn<(), ()>) -> Result<i64, Error> {
///     let done = Rc::new(Cell::new(0));
///     let seen = done.clone();
///     let other = lwt_rust::spawn_local(async move {
///         first.call(()).await?;
///         seen.set(seen.get() + 1);
///         Ok::<_, Error>(())
///     });
///     second.call(()).await?;
///     other.await??;
///     Ok(done.get() + 1)
/// }
/// # fn main() {}
/// ```
///
/// The calling thread has to be the one that runs the domain's tasks, such as the thread of
/// the Lwt loop. If another thread of the domain polls the task, the task gives an error
/// that says so. If another thread drops the task, `future` is leaked. So a function that
/// one systhread calls while another systhread runs the loop should use [`spawn`].
///
/// # Errors
///
/// If the task cannot be spawned, `future` is dropped, and the [`Task`] gives the reason.
/// For example, the caller does not run in a domain, or is in a
/// [`with_lock`](crate::with_lock).
///
/// # Cancellation
///
/// Dropping the [`Task`] cancels the task. [`Task::detach`] lets it go on.
pub fn spawn_local<T: 'static>(future: impl Future<Output = T> + 'static) -> Task<T> {
    match try_with_lock(registry::attached) {
        Some(Ok(executor)) => executor.spawn_local(future),
        Some(Err(error)) => refuse(future, error),
        None => refuse(
            future,
            Error::message(match access() {
                Access::Taken => {
                    "a local task was spawned within with_lock: spawn it before or afterwards, or \
                     use lwt_rust::spawn"
                }
                Access::Outside | Access::Free => {
                    "a local task was spawned on a thread that is not running Rust code of a \
                     domain: use lwt_rust::spawn"
                }
            }),
        ),
    }
}

fn refuse<T>(future: impl Future<Output = T>, error: Error) -> Task<T> {
    drop_quietly(future);
    Task::refused(error)
}
