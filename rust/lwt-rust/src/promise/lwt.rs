//! Lwt promises, awaited by Rust.

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
    convert::FromOcaml,
    error::Error,
    executor::{Action, Ask, Awaited, DomainExecutor, Handle},
    ffi::{Lock, Root, try_with_lock, with_lock},
    runtime::{is_blocking, waits_for_itself},
};

/// A Lwt promise that OCaml was asked for, or has, and that is awaited by its domain,
/// until somebody else polls or drops it.
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
            None => Err(self.unsettled(executor, context)),
        })
    }

    /// Why nothing settles it.
    #[cold]
    fn unsettled(&self, executor: &DomainExecutor, context: &Context<'_>) -> Error {
        if executor.shared().is_closed() || !is_blocking(context.waker()) {
            return Error::Abandoned;
        }
        executor.end_wait(self.ticket, true);
        waits_for_itself()
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

    /// Nobody awaits it any more: the Lwt promise is cancelled, or left alone.
    pub(super) fn give_up(self, cancels: bool) {
        end_wait(self.ticket, self.handle, cancels);
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
        return executor.end_wait(ticket, false);
    }
    if let Some(outcome) = waits.pass_on(ticket, link.clone().sink()) {
        let result = try_with_lock(|lock| read(lock, outcome));
        // Given back if the reader is gone: then nobody has to be told.
        let _ = link.cell.settle(result.unwrap_or(Err(Error::Abandoned)));
    }
    // The reader may be gone since before the source was known.
    if link.cell.is_settled() && link.source.take().is_some() {
        executor.end_wait(ticket, true);
    }
}

impl<T: FromOcaml + Send> Promise<T> {
    /// The promise of a Lwt promise of the domain of `handle`.
    pub(super) fn of_lwt(promise: Root, handle: Handle) -> Self {
        // SAFETY: it has a root.
        unsafe { Self::asked(handle, move |_| Ok(Ask::Observe(promise))) }
    }

    /// The promise that OCaml is asked for, in the domain of `handle`: now, by a task
    /// of that domain; or soon, by anybody else.
    ///
    /// # Safety
    ///
    /// What `ask` has borrows nothing, apart from values that can be converted.
    pub(crate) unsafe fn asked<F>(handle: Handle, ask: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Ask, Error> + Send,
    {
        let Some(executor) = handle.executor_here() else {
            // SAFETY: the caller says so.
            return unsafe { Self::asked_elsewhere(handle, ask) };
        };
        match with_lock(ask).and_then(|ask| executor.ask(ask)) {
            Ok(ticket) => Promise(State::Local(Local::new(ticket, executor))),
            Err(error) => Promise::ready(Err(error)),
        }
    }

    /// As [`asked`](Promise::asked), for a thread that is not of the domain.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn asked_elsewhere<F>(handle: Handle, ask: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Ask, Error> + Send,
    {
        let link = Link::new();
        let resolver = Resolver::new(link.clone());
        let task = async move {
            let Some(executor) = handle.executor_here() else {
                return;
            };
            match with_lock(ask).and_then(|ask| executor.ask(ask)) {
                Ok(ticket) => wait_for(executor, ticket, resolver),
                // Given back if the reader is gone: then nobody has to be told.
                Err(error) => drop(resolver.reject(error)),
            }
        };
        // SAFETY: the caller says it of `ask`, and the rest has a value of type `T`
        // at most.
        let task = unsafe { for_as_long_as_needed(task) };
        handle.spawn(task).detach();
        Promise(State::Cancelling(link, handle))
    }
}

impl DomainExecutor {
    /// Ends a wait, from a task of the domain.
    fn end_wait(&self, ticket: Ticket, cancels: bool) {
        if let Some(action) = self.waits().end(ticket, cancels) {
            self.leave(action);
        }
    }
}

/// Has the domain do something, now if this is a task of the domain, and soon
/// otherwise.
fn do_there(handle: Handle, does: impl FnOnce(&DomainExecutor) + Send + 'static) {
    match handle.executor_here() {
        Some(executor) => does(executor),
        None => {
            let task = async move {
                if let Some(executor) = handle.executor_here() {
                    does(executor);
                }
            };
            handle.spawn(task).detach();
        }
    }
}

/// Has the domain cancel one of its Lwt promises, at which it has not looked.
pub(super) fn cancel(promise: Root, handle: Handle) {
    let awaited = Awaited {
        promise,
        is_removable: false,
    };
    do_there(handle, move |executor| {
        executor.leave(Action::Cancel(awaited))
    });
}

/// Has the domain end a wait, and cancel what it was for or leave that alone.
pub(super) fn end_wait(ticket: Ticket, handle: Handle, cancels: bool) {
    do_there(handle, move |executor| executor.end_wait(ticket, cancels));
}
