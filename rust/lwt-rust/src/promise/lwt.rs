//! Lwt promises, looked at by Rust.

use super::{
    Promise, Resolver, State,
    link::{Link, LwtSource},
    waits::Reserved,
};
use crate::{
    callbacks::{Callback, call_back},
    convert::FromOcaml,
    error::{Error, Exception},
    executor::Handle,
    ffi::{Lock, Root, Val, try_with_lock, with_lock},
};

impl<T: FromOcaml + Send + 'static> Promise<T> {
    /// The promise of a Lwt promise of the domain of `handle`.
    pub(super) fn of_lwt(promise: Root, handle: Handle) -> Self {
        if handle.is_here() {
            Self::here(handle, |lock, wait| observe(lock, &promise, wait))
        } else {
            Self::there(handle, move |lock, wait| observe(lock, &promise, wait))
        }
    }

    /// The promise that `produce` gives, called now, by a task of the domain of
    /// `handle`. It gets the number of the wait, and returns an `observed` of
    /// `lib/raw.ml`.
    pub(crate) fn here<F>(handle: Handle, produce: F) -> Self
    where
        F: for<'l> FnOnce(&'l mut Lock, &Root) -> Result<Val<'l>, Error>,
    {
        match with_lock(|lock| look(lock, produce)) {
            Looked::Settled(result) => Promise::ready(result),
            Looked::Waiting(source) => Promise(State::Cancelling(Link::of(source), handle)),
        }
    }

    /// As [`here`](Promise::here), for a thread that is not of the domain: a
    /// task of the domain calls `produce`.
    pub(crate) fn there<F>(handle: Handle, produce: F) -> Self
    where
        F: for<'l> FnOnce(&'l mut Lock, &Root) -> Result<Val<'l>, Error> + Send + 'static,
    {
        let link = Link::new();
        let resolver = Resolver::new(link.clone());
        let task = async move {
            let Some(looked) = try_with_lock(|lock| look(lock, produce)) else {
                return;
            };
            match looked {
                // Given back if the reader is gone: then nobody has to be told.
                Looked::Settled(Ok(value)) => drop(resolver.resolve(value)),
                Looked::Settled(Err(error)) => drop(resolver.reject(error)),
                Looked::Waiting(source) => {
                    if let Some(link) = resolver.leave() {
                        link.wait_for(source);
                        // The reader may be gone since before the source was known.
                        if link.cell.is_settled() {
                            link.cancel_source(|promise| cancel_here(&promise));
                        }
                    }
                }
            }
        };
        handle.spawn(task).detach();
        Promise(State::Cancelling(link, handle))
    }
}

/// Looks at a Lwt promise, which settles the number of the wait if it is pending.
fn observe<'l>(lock: &'l mut Lock, promise: &Root, wait: &Root) -> Result<Val<'l>, Error> {
    Ok(call_back(lock, Callback::Observe, &[promise, wait]).ok_or(Error::Abandoned)??)
}

enum Looked<T> {
    Settled(Result<T, Error>),
    Waiting(LwtSource),
}

fn look<T, F>(lock: &mut Lock, produce: F) -> Looked<T>
where
    T: FromOcaml,
    F: for<'l> FnOnce(&'l mut Lock, &Root) -> Result<Val<'l>, Error>,
{
    let reserved = Reserved::new();
    let observed = match produce(lock, &reserved.number()) {
        Ok(observed) => observed,
        Err(error) => return Looked::Settled(Err(error)),
    };
    match (observed.tag(), observed.field(0)) {
        (Some(0), Some(value)) => Looked::Settled(T::from_ocaml(value)),
        (Some(1), Some(exception)) => {
            let exception = Root::new(exception);
            Looked::Settled(Err(Exception::new(lock, exception).into()))
        }
        (Some(2), Some(promise)) => Looked::Waiting(LwtSource {
            promise: Root::new(promise),
            wait: reserved.keep(),
        }),
        _ => Looked::Settled(Err(Error::message("not an observed promise"))),
    }
}

/// Cancels a Lwt promise from a task of its domain.
pub(crate) fn cancel_here(promise: &Root) {
    try_with_lock(|lock| {
        // `Callback::Cancel` raises nothing but what a callback of the user's
        // raised, which Lwt has passed to its own hook.
        let _ = call_back(lock, Callback::Cancel, &[promise]);
    });
}

/// Has the domain cancel one of its Lwt promises.
pub(super) fn cancel(promise: Root, handle: Handle) {
    let promise = match handle.executor_here() {
        Some(executor) => executor.cancel_when_closed(promise),
        None => Some(promise),
    };
    let Some(promise) = promise else { return };
    handle.spawn(async move { cancel_here(&promise) }).detach();
}
