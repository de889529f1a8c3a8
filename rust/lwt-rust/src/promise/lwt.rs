//! Lwt promises, looked at by Rust.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lwt_rust_core::{CountedPromise, Ticket};

use super::{
    Promise, Resolver, State,
    link::Link,
    waits::{Outcome, read},
};
use crate::{
    callbacks::{Callback, call_back},
    convert::FromOcaml,
    error::{Error, Exception},
    executor::{DomainExecutor, Handle},
    ffi::{Lock, Root, Val, try_with_lock, with_lock},
};

/// A pending Lwt promise that is awaited by its domain, until somebody else
/// polls or drops it.
pub(super) struct Local<T> {
    ticket: Ticket,
    handle: Handle,
    // What takes a type that OCaml's values can be read as.
    read: fn(&mut Lock, Outcome) -> Result<T, Error>,
    move_away: fn(Ticket, Handle) -> Promise<T>,
    _counted: CountedPromise,
}

impl<T: FromOcaml + Send> Local<T> {
    fn new(ticket: Ticket, executor: &DomainExecutor) -> Self {
        Local {
            ticket,
            handle: executor.handle(),
            read,
            move_away,
            _counted: CountedPromise::new(),
        }
    }
}

impl<T> Local<T> {
    /// The executor, if a task of the domain polls or drops it.
    #[inline]
    pub(super) fn executor_here(&self) -> Option<&'static DomainExecutor> {
        self.handle.executor_here()
    }

    /// `executor` is that of [`executor_here`](Local::executor_here).
    #[inline(always)]
    pub(super) fn poll(
        &self,
        executor: &DomainExecutor,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, Error>> {
        let task = executor.slot_of(context.waker());
        let outcome = ready!(executor.waits().poll_take(self.ticket, task, context));
        Poll::Ready(match outcome {
            Some(outcome) => with_lock(|lock| (self.read)(lock, outcome)),
            None => Err(Error::Abandoned),
        })
    }

    /// The promise that it becomes on another thread.
    pub(super) fn moved_away(&self) -> Promise<T> {
        (self.move_away)(self.ticket, self.handle)
    }

    /// It was awaited to its end.
    #[inline(always)]
    pub(super) fn end(self) {
        let Local { .. } = self;
    }

    /// Nobody awaits it any more, so the Lwt promise is cancelled.
    pub(super) fn cancel(self) {
        match self.executor_here() {
            Some(executor) => {
                if let Some(promise) = executor.waits().end(self.ticket) {
                    cancel(promise, self.handle);
                }
            }
            None => cancel_wait(self.ticket, self.handle),
        }
    }

    /// Nobody awaits it any more; the Lwt promise is left alone.
    pub(super) fn detach(self) {
        end_wait(self.ticket, self.handle);
    }
}

/// The promise of a wait that was begun by its domain, for somebody elsewhere.
fn move_away<T: FromOcaml + Send>(ticket: Ticket, handle: Handle) -> Promise<T> {
    let link = Link::new();
    let resolver = Resolver::new(link.clone());
    let task = async move {
        if let Some(executor) = handle.executor_here() {
            wait_for(executor, ticket, resolver);
        }
    };
    // SAFETY: it has a value of type `T` at most.
    let task = unsafe { for_as_long_as_needed(task) };
    handle.spawn(task).detach();
    Promise(State::Cancelling(link, handle))
}

/// A task of the domain's that converts values, whose types the compiler may not know to
/// be `'static`.
///
/// # Safety
///
/// What the task has borrows nothing, apart from values that can be converted, which
/// borrow nothing either: see [`OcamlType`](crate::OcamlType).
unsafe fn for_as_long_as_needed<'a>(
    task: impl Future<Output = ()> + Send + 'a,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
    let task: Task<'a> = Box::pin(task);
    // SAFETY: the caller says so.
    unsafe { std::mem::transmute::<Task<'a>, Task<'static>>(task) }
}

/// Has a wait of the executor settle a promise.
fn wait_for<T>(executor: &DomainExecutor, ticket: Ticket, resolver: Resolver<T>)
where
    T: FromOcaml + Send,
{
    let Some(link) = resolver.leave() else { return };
    let waits = executor.waits();
    if link.source.put(ticket).is_some() {
        // Detached before.
        drop(waits.end(ticket));
        return;
    }
    if let Some(outcome) = waits.pass_on(ticket, link.clone().sink()) {
        let result = try_with_lock(|lock| read(lock, outcome));
        // Given back if the reader is gone: then nobody has to be told.
        let _ = link.cell.settle(result.unwrap_or(Err(Error::Abandoned)));
    }
    // The reader may be gone since before the source was known.
    let is_ours = link.cell.is_settled() && link.source.take().is_some();
    if let Some(promise) = is_ours.then(|| waits.end(ticket)).flatten() {
        cancel_here(&promise);
    }
}

impl<T: FromOcaml + Send> Promise<T> {
    /// The promise of a Lwt promise of the domain of `handle`.
    pub(super) fn of_lwt(promise: Root, handle: Handle) -> Self {
        match handle.executor_here() {
            Some(executor) => Self::here(executor, |lock| observe(lock, &promise)),
            // SAFETY: it has a root.
            None => unsafe { Self::there(handle, move |lock| observe(lock, &promise)) },
        }
    }

    /// The promise that `produce` gives, called now, by a task of the domain of
    /// `executor`. It returns an `observed` of `lib/raw.ml`.
    pub(crate) fn here<F>(executor: &DomainExecutor, produce: F) -> Self
    where
        F: for<'l> FnOnce(&'l mut Lock) -> Result<Val<'l>, Error>,
    {
        match with_lock(|lock| look(lock, produce)) {
            Looked::Settled(result) => Promise::ready(result),
            Looked::Waiting(ticket) => Promise(State::Local(Local::new(ticket, executor))),
        }
    }

    /// As [`here`](Promise::here), for a thread that is not of the domain: a
    /// task of the domain calls `produce`.
    ///
    /// # Safety
    ///
    /// What `produce` has borrows nothing, apart from values that can be converted.
    pub(crate) unsafe fn there<F>(handle: Handle, produce: F) -> Self
    where
        F: for<'l> FnOnce(&'l mut Lock) -> Result<Val<'l>, Error> + Send,
    {
        let link = Link::new();
        let resolver = Resolver::new(link.clone());
        let task = async move {
            let Some(executor) = handle.executor_here() else {
                return;
            };
            match with_lock(|lock| look(lock, produce)) {
                // Given back if the reader is gone: then nobody has to be told.
                Looked::Settled(Ok(value)) => drop(resolver.resolve(value)),
                Looked::Settled(Err(error)) => drop(resolver.reject(error)),
                Looked::Waiting(ticket) => wait_for(executor, ticket, resolver),
            }
        };
        // SAFETY: the caller says it of `produce`, and the rest has a value of type `T`
        // at most.
        let task = unsafe { for_as_long_as_needed(task) };
        handle.spawn(task).detach();
        Promise(State::Cancelling(link, handle))
    }
}

/// Looks at a Lwt promise, which settles a wait if it is pending.
fn observe<'l>(lock: &'l mut Lock, promise: &Root) -> Result<Val<'l>, Error> {
    Ok(call_back(lock, Callback::Observe, &[promise]).ok_or_else(|| Error::Abandoned)??)
}

enum Looked<T> {
    Settled(Result<T, Error>),
    Waiting(Ticket),
}

fn look<T, F>(lock: &mut Lock, produce: F) -> Looked<T>
where
    T: FromOcaml,
    F: for<'l> FnOnce(&'l mut Lock) -> Result<Val<'l>, Error>,
{
    let observed = match produce(lock) {
        Ok(observed) => observed,
        Err(error) => return Looked::Settled(Err(error)),
    };
    match (observed.tag(), observed.field(0)) {
        // SAFETY: the promise, or the function that returned it, was read as one of `T`.
        (Some(0), Some(value)) => Looked::Settled(unsafe { T::from_ocaml(value) }),
        (Some(1), Some(exception)) => {
            let exception = Root::new(exception);
            Looked::Settled(Err(Exception::new(lock, exception).into()))
        }
        (Some(2), Some(wait)) => match wait.as_number() {
            Some(number) => Looked::Waiting(Ticket::from_bits(number)),
            None => not_observed(),
        },
        _ => not_observed(),
    }
}

#[cold]
fn not_observed<T>() -> Looked<T> {
    Looked::Settled(Err(Error::message("not an observed promise")))
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

/// Has the domain end a wait and cancel what it was for.
pub(super) fn cancel_wait(ticket: Ticket, handle: Handle) {
    let cancel = async move {
        let executor = handle.executor_here();
        if let Some(promise) = executor.and_then(|executor| executor.waits().end(ticket)) {
            cancel_here(&promise);
        }
    };
    handle.spawn(cancel).detach();
}

/// Has the domain end a wait.
pub(super) fn end_wait(ticket: Ticket, handle: Handle) {
    let end = move || {
        let executor = handle.executor_here()?;
        drop(executor.waits().end(ticket));
        Some(())
    };
    if end().is_none() {
        handle
            .spawn(async move {
                end();
            })
            .detach();
    }
}
