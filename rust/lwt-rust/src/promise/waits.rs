//! The Lwt promises that the tasks of a domain wait for, by numbers that OCaml
//! knows.
//!
//! A table belongs to an executor, and only threads that hold its domain's lock use
//! it, so it needs no lock of its own. Who awaits a promise on another thread
//! has a [`Sink`] put in.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{Slots, Ticket};

use super::link::Sink;
use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    executor::{Handle, TaskSlot},
    ffi::{self, Lock, Root, try_with_lock},
    fork,
};

/// How a Lwt promise was settled: its value or its exception.
pub(crate) type Outcome = Result<Root, Root>;

/// Reads the value of a promise, or takes its exception.
pub(super) fn read<T: FromOcaml>(lock: &mut Lock, outcome: Outcome) -> Result<T, Error> {
    match outcome {
        // SAFETY: the promise that was waited for was read as one of `T`.
        Ok(value) => unsafe { T::from_ocaml(value.get(lock)) },
        Err(exception) => Err(Exception::new(lock, exception).into()),
    }
}

/// The waits of an executor.
pub(crate) struct Waits(RefCell<Slots<Wait>>);

struct Wait {
    state: State,
    /// The Lwt promise, if the wait is pending; what settled it, if it is settled.
    value: Root,
    reader: Reader,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Resolved,
    Rejected,
}

/// Who awaits it.
#[derive(Default)]
enum Reader {
    /// Nobody has polled yet.
    #[default]
    Nobody,
    /// The task of this executor that polled last, or will as a rule.
    Task(TaskSlot),
    /// As `Task`, through a waker of its own.
    Waker(Waker),
    /// Somebody on another thread.
    Elsewhere(Arc<dyn Sink>),
}

/// The table of the last Lwt loop whose executor was closed, with nothing in it.
/// The next one goes on with it, since promises of the last may still know numbers
/// of theirs, and a number never means two things (rule 11).
static OF_LAST_LWT: Mutex<Slots<Wait>> = Mutex::new(Slots::new());

impl Waits {
    pub(crate) fn new() -> Self {
        Waits(RefCell::new(Slots::new()))
    }

    /// The executor is the one that the Lwt loop drives from now on.
    pub(crate) fn go_on_from_last_lwt(&self) {
        let mut last = OF_LAST_LWT.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.replace(std::mem::take(&mut last));
    }

    /// The executor is closed: its waits are abandoned.
    pub(crate) fn close(&self, is_of_lwt: bool) {
        let mut slots = self.0.take();
        for wait in slots.take_all() {
            if let Reader::Elsewhere(sink) = wait.reader {
                sink.abandon();
            }
        }
        if is_of_lwt {
            let mut last = OF_LAST_LWT.lock().unwrap_or_else(PoisonError::into_inner);
            *last = slots;
        }
    }

    /// The wait for a pending promise begins, as a rule of the task that is being
    /// polled.
    fn begin(&self, promise: Root, task: Option<TaskSlot>) -> Ticket {
        self.0.borrow_mut().insert(|_| Wait {
            state: State::Pending,
            value: promise,
            reader: task.map_or(Reader::Nobody, Reader::Task),
        })
    }

    /// Returns the task that is to run now.
    #[inline(always)]
    fn settle(&self, lock: &mut Lock, ticket: Ticket, outcome: Outcome) -> Option<TaskSlot> {
        let mut slots = self.0.borrow_mut();
        // A wait that Rust has given up is gone.
        let wait = slots.get_mut(ticket)?;
        if wait.state != State::Pending {
            return None;
        }
        if let Reader::Task(task) = wait.reader {
            let promise = wait.settle(outcome);
            drop(slots);
            drop(promise);
            return Some(task);
        }
        drop(slots);
        self.settle_for_others(lock, ticket, outcome);
        None
    }

    #[cold]
    fn settle_for_others(&self, lock: &mut Lock, ticket: Ticket, outcome: Outcome) {
        let mut slots = self.0.borrow_mut();
        let Some(mut entry) = slots.occupied(ticket) else {
            return;
        };
        if let Reader::Elsewhere(_) = entry.get_mut().reader {
            let wait = entry.remove();
            drop(slots);
            if let Reader::Elsewhere(sink) = wait.reader {
                match outcome {
                    Ok(value) => sink.resolve(value.get(lock)),
                    Err(exception) => sink.reject(Exception::new(lock, exception)),
                }
            }
            return;
        }
        let wait = entry.get_mut();
        let reader = std::mem::take(&mut wait.reader);
        let promise = wait.settle(outcome);
        drop(slots);
        drop(promise);
        if let Reader::Waker(waker) = reader {
            waker.wake();
        }
    }

    /// Takes what settled the wait, or registers the task to be woken by it: `task`,
    /// if `context` is that of a task of the executor. `None` if the executor was
    /// closed.
    #[inline(always)]
    pub(super) fn poll_take(
        &self,
        ticket: Ticket,
        task: Option<TaskSlot>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Outcome>> {
        let mut slots = self.0.borrow_mut();
        let Some(mut entry) = slots.occupied(ticket) else {
            return Poll::Ready(None);
        };
        let wait = entry.get_mut();
        if let Some(outcome) = wait.take_outcome() {
            // Nothing is in it whose drop would want the table.
            entry.discard();
            return Poll::Ready(Some(outcome));
        }
        // As a rule it began the wait just now.
        if !matches!(wait.reader, Reader::Task(before) if Some(before) == task) {
            drop(slots);
            self.register(ticket, task, context);
        }
        Poll::Pending
    }

    #[cold]
    fn register(&self, ticket: Ticket, task: Option<TaskSlot>, context: &mut Context<'_>) {
        let reader = match task {
            Some(task) => Reader::Task(task),
            None => Reader::Waker(context.waker().clone()),
        };
        let mut slots = self.0.borrow_mut();
        let wait = slots.get_mut(ticket);
        let stale = wait.map(|wait| std::mem::replace(&mut wait.reader, reader));
        drop(slots);
        drop(stale);
    }

    /// From now on what settles the wait settles `sink`. Gives it back if it has come
    /// already.
    pub(super) fn pass_on(&self, ticket: Ticket, sink: Arc<dyn Sink>) -> Option<Outcome> {
        let mut slots = self.0.borrow_mut();
        let Some(mut entry) = slots.occupied(ticket) else {
            drop(slots);
            sink.abandon();
            return None;
        };
        let wait = entry.get_mut();
        if let Some(outcome) = wait.take_outcome() {
            let wait = entry.remove();
            drop(slots);
            drop(wait);
            return Some(outcome);
        }
        let stale = std::mem::replace(&mut wait.reader, Reader::Elsewhere(sink));
        drop(slots);
        drop(stale);
        None
    }

    /// Ends a wait, and gives the promise that it was for, if that is pending.
    pub(super) fn end(&self, ticket: Ticket) -> Option<Root> {
        // In a variable, to be dropped when the table no longer is borrowed.
        let wait = self.0.borrow_mut().remove(ticket)?;
        (wait.state == State::Pending).then_some(wait.value)
    }
}

impl Wait {
    /// Gives the promise.
    #[inline(always)]
    fn settle(&mut self, outcome: Outcome) -> Root {
        let (state, value) = match outcome {
            Ok(value) => (State::Resolved, value),
            Err(exception) => (State::Rejected, exception),
        };
        self.state = state;
        std::mem::replace(&mut self.value, value)
    }

    /// What settled it, once.
    #[inline(always)]
    fn take_outcome(&mut self) -> Option<Outcome> {
        let value = match self.state {
            State::Pending => return None,
            State::Resolved | State::Rejected => std::mem::replace(&mut self.value, Root::UNIT),
        };
        match self.state {
            State::Rejected => Some(Err(value)),
            State::Pending | State::Resolved => Some(Ok(value)),
        }
    }
}

/// Begins a wait for a pending promise of the calling thread's domain, for a task
/// that will be told its number. `None` in a domain that runs no Lwt loop.
pub(crate) fn begin(promise: Root) -> Option<u64> {
    let Some(executor) = ffi::executor() else {
        // In a forked child the task finds out when it polls: 0 names no wait.
        return fork::happened().then_some(0);
    };
    let waits = executor.is_of_lwt().then(|| executor.waits())?;
    Some(waits.begin(promise, executor.running_slot()).to_bits())
}

/// Ends a wait whose number no task was told.
pub(crate) fn give_up(number: u64) {
    if let Some(executor) = ffi::executor().filter(|executor| executor.is_of_lwt()) {
        drop(executor.waits().end(Ticket::from_bits(number)));
    }
}

/// Settles the wait of this number, on whichever thread its Lwt promise was
/// settled: Lwt wants that to be one of its domain's.
pub(crate) fn settle(lock: &mut Lock, number: u64, outcome: Outcome) {
    let ticket = Ticket::from_bits(number);
    match ffi::executor().filter(|executor| executor.is_of_lwt()) {
        Some(executor) => {
            let task = executor.waits().settle(lock, ticket, outcome);
            executor.run_at_once(lock, task);
        }
        None => settle_from_elsewhere(ticket, outcome),
    }
}

#[cold]
fn settle_from_elsewhere(ticket: Ticket, outcome: Outcome) {
    let Some(handle) = Handle::of_lwt() else {
        return;
    };
    let settle = async move {
        if let Some(executor) = handle.executor_here() {
            let settle = |lock: &mut Lock| executor.waits().settle(lock, ticket, outcome);
            if let Some(task) = try_with_lock(settle).flatten() {
                executor.make_runnable(task);
            }
        }
    };
    handle.spawn(settle).detach();
}
