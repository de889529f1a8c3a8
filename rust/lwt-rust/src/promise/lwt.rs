//! Lwt promises, awaited by Rust.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lwt_rust_core::{CountedPromise, Ticket};

use super::{
    Promise, Resolver, State,
    link::{Link, does_not_fit},
};
use crate::{
    convert::FromOcaml,
    domain::{Action, Ask, Awaited, DomainExecutor, Handle, Outcome},
    error::{Error, Exception},
    ocaml::{Lock, Root, try_with_lock, with_lock},
    runtime::{Suspicion, waits_for_itself},
};

/// A Lwt promise that a task of its domain awaits: one that OCaml has, or one that OCaml
/// was asked for. It is moved away when another thread polls or drops it.
pub(super) struct Local<T> {
    ticket: Ticket,
    handle: Handle,
    // These two are function pointers because only `new` knows that `T` is `FromOcaml`.
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

    /// Polls the promise. `executor` comes from [`executor_here`](Local::executor_here).
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
            None => Err(self.unsettled(executor)),
        })
    }

    /// The error that says why nothing settles the promise.
    #[cold]
    fn unsettled(&self, executor: &DomainExecutor) -> Error {
        if executor.shared().is_closed() || !executor.waits().is_there(self.ticket) {
            return Error::Abandoned;
        }
        executor.end_wait(self.ticket, true);
        waits_for_itself()
    }

    /// The promise that replaces this one on another thread.
    pub(super) fn moved_away(&self) -> Promise<T> {
        (self.move_away)(self.ticket, self.handle)
    }

    /// Drops it after it was awaited to its end: no wait is left to be ended.
    #[inline(always)]
    pub(super) fn end(self) {
        let Local { .. } = self;
    }

    /// Ends the wait, and cancels the Lwt promise if `cancels`.
    pub(super) fn give_up(self, cancels: bool) {
        end_wait(self.ticket, self.handle, cancels);
    }
}

/// Reads the value of a promise, or takes its exception.
fn read<T: FromOcaml>(lock: &mut Lock, outcome: Outcome) -> Result<T, Error> {
    match outcome {
        // SAFETY: the promise of the wait was read as a promise of `T`, or a function has
        // returned it that was read as a function which returns such promises.
        Ok(value) => unsafe { T::from_ocaml(value.get(lock)) }.map_err(does_not_fit),
        Err(shown) => Err(Exception::read(shown.get(lock))?.into()),
    }
}

/// A promise for another thread, of a wait that a task of the domain has begun.
fn move_away<T: FromOcaml + Send>(ticket: Ticket, handle: Handle) -> Promise<T> {
    let link = Link::new();
    let resolver = Resolver::new(link.clone());
    let task = async move {
        if let Some(executor) = handle.executor_here() {
            wait_for(executor, ticket, resolver);
        }
    };
    // SAFETY: the only values in it whose types may borrow are of type `T`, which can be
    // converted.
    let task = unsafe { for_as_long_as_needed(task) };
    handle.run_there(task);
    Promise(State::Cancelling(link, handle, Suspicion::default()))
}

/// Boxes a task that converts values. The compiler may not know that their types are
/// `'static`.
///
/// # Safety
///
/// The task borrows nothing. It may hold values that can be converted, which borrow nothing
/// either: see [`OcamlType`](crate::OcamlType).
unsafe fn for_as_long_as_needed<'a>(
    task: impl Future<Output = ()> + Send + 'a,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
    let task: Task<'a> = Box::pin(task);
    // SAFETY: the caller promises it.
    unsafe { std::mem::transmute::<Task<'a>, Task<'static>>(task) }
}

/// Makes a wait of the executor settle a promise.
fn wait_for<T>(executor: &DomainExecutor, ticket: Ticket, resolver: Resolver<T>)
where
    T: FromOcaml + Send,
{
    let Some(link) = resolver.leave() else { return };
    let waits = executor.waits();
    if link.source.put(ticket).is_some() {
        // The promise was detached before.
        return executor.end_wait(ticket, false);
    }
    if let Some(outcome) = waits.pass_on(ticket, link.clone().sink()) {
        let result = try_with_lock(|lock| read(lock, outcome));
        // The result comes back if the reader is gone: then it is dropped.
        let _ = link.cell.settle(result.unwrap_or(Err(Error::Abandoned)));
    }
    // The reader may have been dropped before the source was known.
    if link.cell.is_settled() && link.source.take().is_some() {
        executor.end_wait(ticket, true);
    }
}

impl<T: FromOcaml + Send> Promise<T> {
    /// The Rust promise for a Lwt promise of the domain of `handle`.
    pub(super) fn of_lwt(promise: Root, handle: Handle) -> Self {
        // SAFETY: the closure holds a root, which borrows nothing.
        unsafe { Self::asked(handle, move |_| Ok(Ask::Observe(promise))) }
    }

    /// Asks OCaml for a promise, in the domain of `handle`. A task of that domain asks now;
    /// any other caller has the domain ask soon.
    ///
    /// # Safety
    ///
    /// `ask` borrows nothing. It may hold values that can be converted.
    pub(crate) unsafe fn asked<F>(handle: Handle, ask: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Ask, Error> + Send,
    {
        let Some(executor) = handle.executor_here() else {
            // SAFETY: the caller promises it.
            return unsafe { Self::asked_elsewhere(handle, ask) };
        };
        match with_lock(ask).and_then(|ask| executor.ask(ask)) {
            Ok(ticket) => Promise(State::Local(Local::new(ticket, executor))),
            Err(error) => Promise::ready(Err(error)),
        }
    }

    /// The part of [`asked`](Promise::asked) for a thread of another domain or of tokio's.
    ///
    /// # Safety
    ///
    /// As for [`asked`](Promise::asked).
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
                // The result comes back if the reader is gone: then it is dropped.
                Err(error) => drop(resolver.reject(error)),
            }
        };
        // SAFETY: the caller promises it for `ask`. The only other values in the task whose
        // types may borrow are of type `T`, which can be converted.
        let task = unsafe { for_as_long_as_needed(task) };
        handle.run_there(task);
        Promise(State::Cancelling(link, handle, Suspicion::default()))
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

/// Calls `does` in the domain: now if the caller is a task of the domain, and soon
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
            handle.run_there(task);
        }
    }
}

/// Makes the domain cancel one of its Lwt promises, for which no wait was begun.
pub(super) fn cancel(promise: Root, handle: Handle) {
    let awaited = Awaited {
        promise,
        is_removable: false,
    };
    do_there(handle, move |executor| {
        executor.leave(Action::Cancel(awaited))
    });
}

/// Makes the domain end a wait, and cancel the Lwt promise of the wait if `cancels`.
pub(super) fn end_wait(ticket: Ticket, handle: Handle, cancels: bool) {
    do_there(handle, move |executor| executor.end_wait(ticket, cancels));
}
