//! Lwt promises, looked at by Rust.

use std::sync::Arc;

use super::{Promise, Resolver, State, link::Link};
use crate::{
    callbacks::{Callback, call_back},
    convert::FromOcaml,
    error::{Error, Exception},
    executor::{DomainExecutor, Handle},
    ffi::{Lock, Root, promise_value, try_with_lock, with_lock},
};

impl<T: FromOcaml + Send + 'static> Promise<T> {
    /// The promise of a Lwt promise, looked at now.
    pub(super) fn of_lwt(promise: Root, handle: Handle) -> Self {
        Promise::of_observed(handle, move |lock| {
            match call_back(lock, Callback::Observe, &[&promise]) {
                Some(observed) => Ok(Root::new(observed?)),
                None => Err(Error::Abandoned),
            }
        })
    }

    /// The promise of what `produce` gives: an `observed` of `lib/callbacks.ml`.
    ///
    /// On the domain of `handle` that is called now; elsewhere it is called by
    /// a task of that domain.
    pub(crate) fn of_observed<F>(handle: Handle, produce: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Root, Error> + Send + 'static,
    {
        match DomainExecutor::current() {
            Some(executor) if executor.belongs_to(&handle) => {
                with_lock(|lock| match produce(lock) {
                    Ok(observed) => Self::of_value(lock, &observed, &handle),
                    Err(error) => Promise::ready(Err(error)),
                })
            }
            Some(_) | None => Self::of_other_domain(handle, produce),
        }
    }

    fn of_value(lock: &mut Lock, observed: &Root, handle: &Handle) -> Self {
        match observed_state(lock, observed) {
            Observed::Settled(result) => Promise::ready(result),
            Observed::Waiting(source) => {
                let link = Link::new();
                match forward(lock, source, &link) {
                    Ok(()) => Promise(State::Cancelling(link, handle.clone())),
                    Err(error) => Promise::ready(Err(error)),
                }
            }
        }
    }

    fn of_other_domain<F>(handle: Handle, produce: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Root, Error> + Send + 'static,
    {
        let link = Link::new();
        let abandoned = Resolver::new(link.clone());
        let task = async move {
            let Some(link) = abandoned.link() else { return };
            let result = try_with_lock(|lock| {
                let observed = produce(lock)?;
                match observed_state::<T>(lock, &observed) {
                    Observed::Settled(result) => result.map(Some),
                    Observed::Waiting(source) => forward(lock, source, link).map(|()| None),
                }
            });
            match result {
                // The reader is gone, perhaps since before the source was known.
                Some(Ok(None)) if link.cell.is_settled() => {
                    cancel_here(link.take_source());
                    abandoned.forget();
                }
                Some(Ok(None)) => abandoned.forget(),
                Some(Ok(Some(value))) => drop(abandoned.resolve(value)),
                Some(Err(error)) => drop(abandoned.reject(error)),
                None => drop(abandoned),
            }
        };
        handle.spawn(task).detach();
        Promise(State::Cancelling(link, handle))
    }
}

enum Observed<T> {
    Settled(Result<T, Error>),
    Waiting(Root),
}

/// Reads an `observed` of `lib/callbacks.ml`.
fn observed_state<T: FromOcaml>(lock: &mut Lock, observed: &Root) -> Observed<T> {
    let value = observed.get(lock);
    match (value.tag(), value.field(0)) {
        (Some(0), Some(value)) => Observed::Settled(T::from_ocaml(value)),
        (Some(1), Some(exception)) => {
            let exception = Root::new(exception);
            Observed::Settled(Err(Exception::new(lock, exception).into()))
        }
        (Some(2), Some(source)) => Observed::Waiting(Root::new(source)),
        _ => Observed::Settled(Err(Error::message("not an observed promise"))),
    }
}

/// Makes the Lwt promise `source` settle `link`.
fn forward<T>(lock: &mut Lock, source: Root, link: &Arc<Link<T>>) -> Result<(), Error>
where
    T: FromOcaml + Send + 'static,
{
    let sink = Root::new(promise_value(lock, link.clone()));
    if let Some(called) = call_back(lock, Callback::Forward, &[&source, &sink]) {
        called?;
    }
    *link.source() = Some(source);
    Ok(())
}

/// Cancels a Lwt promise from a task of its domain.
pub(super) fn cancel_here(source: Option<Root>) {
    let Some(source) = source else { return };
    try_with_lock(|lock| {
        // `Callback::Cancel` raises nothing but what a callback of the user's
        // raised, which Lwt has passed to its own hook.
        let _ = call_back(lock, Callback::Cancel, &[&source]);
    });
}
