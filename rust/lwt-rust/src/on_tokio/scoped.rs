//! Tasks of tokio's that end when the future that awaits them is dropped.

use std::future::Future;

use lwt_rust_core::{CatchPanic, drop_quietly};
use tokio::runtime::Handle;

use crate::{
    domain::Task,
    error::{Error, Panic},
    fork, runtime,
};

/// Spawns a task on tokio's threads. The task is aborted when the returned [`Task`] is
/// dropped: for example, when the function that awaits it is cancelled. `tokio::spawn` lets
/// such a task go on.
///
/// It can be called anywhere, also before the runtime has started.
pub fn spawn_scoped<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Task<T> {
    let here = || Handle::try_current().map_or_else(|_| runtime::start(), Ok);
    match fork::check().map_err(Error::from).and_then(|()| here()) {
        Ok(tokio) => {
            let caught = CatchPanic::new(future);
            // The panic is read on the thread that panics, which knows the place.
            let task = async move { caught.await.map_err(Panic::from_payload) };
            Task::of_tokio(tokio.spawn(task))
        }
        Err(error) => {
            drop_quietly(future);
            Task::refused(error)
        }
    }
}
