//! The Lwt promises that the tasks of a domain wait for, by numbers that OCaml
//! knows.
//!
//! A table belongs to an executor, and only threads that hold its domain's lock use
//! it, so it needs no lock of its own. Who awaits a promise on another thread
//! has a [`Sink`] put in.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{Slots, Ticket};

use super::link::Sink;
use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    executor::Handle,
    ffi::{self, Lock, Root, Val, try_with_lock},
};

/// How a Lwt promise was settled: its value or its exception.
pub(crate) type Outcome = Result<Root, Root>;

/// Reads the value of a promise, or takes its exception.
pub(super) fn read<T: FromOcaml>(lock: &mut Lock, outcome: Outcome) -> Result<T, Error> {
    match outcome {
        Ok(value) => T::from_ocaml(value.get(lock)),
        Err(exception) => Err(Exception::new(lock, exception).into()),
    }
}

/// The waits of an executor.
pub(crate) struct Waits {
    slots: RefCell<Slots<Wait>>,
    /// A number for the next wait, reserved for one that has not begun.
    spare: Cell<Option<Ticket>>,
}

struct Wait {
    state: State,
    /// The Lwt promise, if the wait is pending; what settled it, if it is settled.
    value: Root,
    reader: Reader,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has a number, and has not begun.
    Reserved,
    Pending,
    Resolved,
    Rejected,
}

/// Who awaits it.
#[derive(Default)]
enum Reader {
    /// A task that has not polled yet.
    #[default]
    Nobody,
    /// The task that polled last.
    Task(Waker),
    /// Somebody on another thread.
    Elsewhere(Arc<dyn Sink>),
}

/// The table of the last Lwt loop whose executor was closed, with nothing in it.
/// The next one goes on with it, since promises of the last may still know numbers
/// of theirs, and a number never means two things (rule 11).
static OF_LAST_LWT: Mutex<Slots<Wait>> = Mutex::new(Slots::new());

impl Waits {
    pub(crate) fn new() -> Self {
        Waits {
            slots: RefCell::new(Slots::new()),
            spare: Cell::new(None),
        }
    }

    /// The executor is the one that the Lwt loop drives from now on.
    pub(crate) fn go_on_from_last_lwt(&self) {
        let mut last = OF_LAST_LWT.lock().unwrap_or_else(PoisonError::into_inner);
        self.slots.replace(std::mem::take(&mut last));
    }

    /// The executor is closed: its waits are abandoned.
    pub(crate) fn close(&self, is_of_lwt: bool) {
        self.spare.take();
        let mut slots = self.slots.take();
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

    /// The number of a wait that has not begun.
    pub(super) fn reserve(&self) -> Reserved<'_> {
        let reserve = || {
            self.slots.borrow_mut().insert(|_| Wait {
                state: State::Reserved,
                value: Root::UNIT,
                reader: Reader::Nobody,
            })
        };
        Reserved {
            ticket: self.spare.take().unwrap_or_else(reserve),
            waits: self,
        }
    }

    fn settle(&self, lock: &mut Lock, ticket: Ticket, outcome: Outcome) {
        let mut slots = self.slots.borrow_mut();
        // A wait that Rust has given up is gone.
        let Some(wait) = slots.get_mut(ticket) else {
            return;
        };
        if matches!(wait.state, State::Resolved | State::Rejected) {
            return;
        }
        match std::mem::take(&mut wait.reader) {
            Reader::Elsewhere(sink) => {
                let wait = slots.remove(ticket);
                drop(slots);
                drop(wait);
                match outcome {
                    Ok(value) => sink.resolve(value.get(lock)),
                    Err(exception) => sink.reject(Exception::new(lock, exception)),
                }
            }
            reader => {
                (wait.state, wait.value) = match outcome {
                    Ok(value) => (State::Resolved, value),
                    Err(exception) => (State::Rejected, exception),
                };
                drop(slots);
                if let Reader::Task(waker) = reader {
                    waker.wake();
                }
            }
        }
    }

    /// Takes what settled the wait, or registers the task to be woken by it.
    /// `None` if the executor was closed.
    pub(super) fn poll_take(
        &self,
        ticket: Ticket,
        context: &mut Context<'_>,
    ) -> Poll<Option<Outcome>> {
        let mut slots = self.slots.borrow_mut();
        let Some(wait) = slots.get_mut(ticket) else {
            return Poll::Ready(None);
        };
        if let Some(outcome) = wait.take_outcome() {
            // Nothing is in it whose drop would want the table.
            slots.discard(ticket);
            return Poll::Ready(Some(outcome));
        }
        match &mut wait.reader {
            Reader::Task(waker) if waker.will_wake(context.waker()) => {}
            Reader::Task(waker) => {
                let stale = std::mem::replace(waker, context.waker().clone());
                drop(slots);
                drop(stale);
            }
            Reader::Nobody => wait.reader = Reader::Task(context.waker().clone()),
            Reader::Elsewhere(_) => unreachable!("a promise is awaited in one place"),
        }
        Poll::Pending
    }

    /// From now on what settles the wait settles `sink`. Gives it back if it has come
    /// already.
    pub(super) fn pass_on(&self, ticket: Ticket, sink: Arc<dyn Sink>) -> Option<Outcome> {
        let mut slots = self.slots.borrow_mut();
        let Some(wait) = slots.get_mut(ticket) else {
            drop(slots);
            sink.abandon();
            return None;
        };
        let outcome = wait.take_outcome();
        let stale = match &outcome {
            Some(_) => slots.remove(ticket).map(|wait| wait.reader),
            None => Some(std::mem::replace(&mut wait.reader, Reader::Elsewhere(sink))),
        };
        drop(slots);
        drop(stale);
        outcome
    }

    /// Ends a wait, and gives the promise that it was for, if that is pending.
    pub(super) fn end(&self, ticket: Ticket) -> Option<Root> {
        // In a variable, to be dropped when the table no longer is borrowed.
        let wait = self.slots.borrow_mut().remove(ticket)?;
        (wait.state == State::Pending).then_some(wait.value)
    }
}

impl Wait {
    fn take_outcome(&mut self) -> Option<Outcome> {
        match self.state {
            State::Reserved | State::Pending => None,
            State::Resolved => Some(Ok(std::mem::replace(&mut self.value, Root::UNIT))),
            State::Rejected => Some(Err(std::mem::replace(&mut self.value, Root::UNIT))),
        }
    }
}

/// Settles the wait of this number, on whichever thread its Lwt promise was
/// settled: Lwt wants that to be one of its domain's.
pub(crate) fn settle(lock: &mut Lock, number: u64, outcome: Outcome) {
    let ticket = Ticket::from_bits(number);
    match ffi::executor().filter(|executor| executor.is_of_lwt()) {
        Some(executor) => {
            executor.waits().settle(lock, ticket, outcome);
            executor.run_at_once(lock);
        }
        None => {
            let Some(handle) = Handle::of_lwt() else {
                return;
            };
            let settle = async move {
                if let Some(executor) = handle.executor_here() {
                    try_with_lock(|lock| executor.waits().settle(lock, ticket, outcome));
                }
            };
            handle.spawn(settle).detach();
        }
    }
}

/// A number that was reserved. Dropping it gives it back.
pub(super) struct Reserved<'w> {
    waits: &'w Waits,
    ticket: Ticket,
}

impl Reserved<'_> {
    /// The number as OCaml knows it.
    pub(super) fn number(&self) -> Root {
        let bits = i64::try_from(self.ticket.to_bits()).ok().and_then(Val::int);
        Root::new(bits.expect("a ticket fits in an OCaml integer"))
    }

    /// The wait for `promise` begins, unless it is over by now.
    pub(super) fn begin(self, promise: Root) -> Ticket {
        let ticket = self.ticket;
        if let Some(wait) = self.waits.slots.borrow_mut().get_mut(ticket) {
            if wait.state == State::Reserved {
                wait.state = State::Pending;
                wait.value = promise;
            }
        }
        std::mem::forget(self);
        ticket
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let Reserved { waits, ticket } = *self;
        let mut slots = waits.slots.borrow_mut();
        let is_new = |wait: &mut Wait| wait.state == State::Reserved;
        if waits.spare.get().is_none() && slots.get_mut(ticket).is_some_and(is_new) {
            waits.spare.set(Some(ticket));
            return;
        }
        let wait = slots.remove(ticket);
        drop(slots);
        drop(wait);
    }
}
