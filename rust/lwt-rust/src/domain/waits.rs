//! The Lwt promises that the tasks of a domain wait for. OCaml knows each wait by its
//! number.
//!
//! Each executor has a table of waits. Only threads that hold the lock of the domain use
//! it, so it needs no lock of its own. If another thread awaits the promise, the entry
//! holds a [`Sink`] that forwards the result to that thread.

use std::{
    cell::RefCell,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{Slots, Ticket};

use super::{
    actions::{Action, Awaited},
    first::is_first,
    slots::{TaskSlot, too_many},
};
use crate::{
    error::{Error, Exception},
    ocaml::{Lock, Root, Val},
    runtime::Suspicion,
};

/// How a Lwt promise was settled: its value, or its exception as OCaml shows it.
pub(crate) type Outcome = Result<Root, Root>;

/// A reader of a wait that is no task of the domain. The type of the promise's value is
/// hidden.
pub(crate) trait Sink: Send + Sync {
    /// Settles with an OCaml value, unless the reader is gone.
    fn resolve(&self, value: Val<'_>);
    /// Settles with an OCaml exception, unless the reader is gone.
    fn reject(&self, exception: Exception);
    /// Rejects with [`Error::Abandoned`], since nothing is left to settle it. Any thread
    /// may call it.
    fn abandon(&self);
}

/// The waits of an executor.
pub(crate) struct Waits(RefCell<Slots<Wait>>);

struct Wait {
    state: State,
    /// The Lwt promise while the wait is pending; its value or exception when the wait is
    /// settled.
    value: Root,
    /// The flag of [`Awaited`].
    is_removable: bool,
    /// Whether a thread blocks on the promise.
    suspicion: Suspicion,
    reader: Reader,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// OCaml was asked for a promise, and has not said yet which one it is.
    Asked,
    Pending,
    Resolved,
    Rejected,
}

impl State {
    fn is_settled(self) -> bool {
        match self {
            State::Asked | State::Pending => false,
            State::Resolved | State::Rejected => true,
        }
    }
}

/// The answer to OCaml when it has the promise that it was asked for: `begun` of
/// `lib/raw.ml`.
#[derive(Clone, Copy)]
pub(crate) enum Begun {
    /// OCaml makes the promise settle the wait.
    Waits = 0,
    /// OCaml cancels the promise, which Rust no longer awaits.
    Cancels = 1,
    /// OCaml leaves the promise alone.
    Detached = 2,
    /// OCaml leaves the promise to the thread of the Lwt loop.
    ForTheLoop = 3,
}

/// The task, waker or sink that is told when the wait is settled.
#[derive(Default)]
enum Reader {
    /// The promise was not polled yet.
    #[default]
    Nobody,
    /// The task of this executor that polled last. At first it is the task that began the
    /// wait, which is usually the one that polls.
    Task(TaskSlot),
    /// A spawned task, or another future of this domain that polled with a waker of its own.
    Waker(Waker),
    /// The promise was moved to another thread.
    Elsewhere(Arc<dyn Sink>),
    /// Rust gave the promise up before OCaml had it. OCaml is told when it has the promise,
    /// and cancels it if `cancels`.
    Gone { cancels: bool },
}

/// The table of the last Lwt loop whose executor was closed, with all entries removed. The
/// executor of the next Lwt loop continues with it: Lwt promises may still know numbers of
/// earlier waits, and a number never means two things (rule 11).
static OF_LAST_LWT: Mutex<Slots<Wait>> = Mutex::new(Slots::new());

impl Waits {
    pub(crate) fn new() -> Self {
        Waits(RefCell::new(Slots::new()))
    }

    /// Continues with the table of the last Lwt loop. The Lwt loop drives the executor from
    /// now on.
    pub(crate) fn go_on_from_last_lwt(&self) {
        let mut last = OF_LAST_LWT.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.replace(std::mem::take(&mut last));
    }

    /// Abandons all waits, since the executor is closed. Returns the pending promises that
    /// other threads awaited.
    pub(crate) fn close(&self, is_of_lwt: bool) -> Vec<Awaited> {
        let mut slots = self.0.take();
        let mut awaited = Vec::new();
        for wait in slots.take_all() {
            if let Reader::Elsewhere(sink) = wait.reader {
                sink.abandon();
                if wait.state == State::Pending {
                    awaited.push(Awaited {
                        promise: wait.value,
                        is_removable: wait.is_removable,
                    });
                }
            }
        }
        if is_of_lwt {
            let mut last = OF_LAST_LWT.lock().unwrap_or_else(PoisonError::into_inner);
            *last = slots;
        }
        awaited
    }

    /// Begins a wait for a promise that OCaml is asked for. `task` is the task that is
    /// being polled, which is usually the one that awaits the promise.
    ///
    /// # Errors
    ///
    /// If there are too many waits.
    pub(crate) fn begin(&self, task: Option<TaskSlot>) -> Result<Ticket, Error> {
        let mut slots = self.0.borrow_mut();
        if !slots.has_room() {
            return Err(too_many("awaited promises"));
        }
        Ok(slots.insert(|_| Wait {
            state: State::Asked,
            value: Root::UNIT,
            is_removable: false,
            suspicion: Suspicion::default(),
            reader: task.map_or(Reader::Nobody, Reader::Task),
        }))
    }

    /// Notes the promise that OCaml was asked for. It is pending.
    pub(super) fn promised(&self, ticket: Ticket, awaited: Awaited) -> Begun {
        let mut slots = self.0.borrow_mut();
        let Some(mut entry) = slots.occupied(ticket) else {
            return Begun::Cancels;
        };
        let wait = entry.get_mut();
        if let Reader::Gone { cancels } = wait.reader {
            // The entry contains nothing whose drop would use the table.
            entry.discard();
            return match cancels {
                true => Begun::Cancels,
                false => Begun::Detached,
            };
        }
        wait.state = State::Pending;
        wait.value = awaited.promise;
        wait.is_removable = awaited.is_removable;
        Begun::Waits
    }

    /// Settles a wait. Returns the task that has to run now.
    #[inline(always)]
    pub(super) fn settle(
        &self,
        lock: &mut Lock,
        ticket: Ticket,
        outcome: Outcome,
    ) -> Option<TaskSlot> {
        let mut slots = self.0.borrow_mut();
        // The entry is gone if Rust has given the wait up.
        let wait = slots.get_mut(ticket)?;
        if wait.state.is_settled() {
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
        if let Reader::Elsewhere(_) | Reader::Gone { .. } = entry.get_mut().reader {
            let wait = entry.remove();
            drop(slots);
            if let Reader::Elsewhere(sink) = wait.reader {
                match outcome {
                    Ok(value) => sink.resolve(value.get(lock)),
                    Err(shown) => match Exception::read(shown.get(lock)) {
                        Ok(exception) => sink.reject(exception),
                        Err(_) => sink.abandon(),
                    },
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

    /// Takes the outcome of the wait, or registers the task that will be woken by it.
    /// `task` is the one of `context`, if that belongs to a task of the executor. The
    /// result is `None` if the executor was closed, or if this thread would wait for
    /// itself.
    #[inline(always)]
    pub(crate) fn poll_take(
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
            // The entry contains nothing now whose drop would use the table.
            entry.discard();
            return Poll::Ready(Some(outcome));
        }
        // Usually the same task began the wait just now.
        if !matches!(wait.reader, Reader::Task(before) if Some(before) == task) {
            drop(slots);
            return self.register(ticket, task, context.waker());
        }
        Poll::Pending
    }

    #[cold]
    fn register(
        &self,
        ticket: Ticket,
        task: Option<TaskSlot>,
        waker: &Waker,
    ) -> Poll<Option<Outcome>> {
        let reader = match task {
            Some(task) => Reader::Task(task),
            // A second poll with the task's own waker follows.
            None if is_first(waker) => return Poll::Pending,
            None => Reader::Waker(waker.clone()),
        };
        let mut slots = self.0.borrow_mut();
        let Some(wait) = slots.get_mut(ticket) else {
            return Poll::Ready(None);
        };
        let stale = std::mem::replace(&mut wait.reader, reader);
        let mut suspicion = wait.suspicion;
        drop(slots);
        drop(stale);
        if task.is_some() {
            return Poll::Pending;
        }
        // This drops another waker, whose destructor may use the table.
        let is_confirmed = suspicion.is_confirmed(waker);
        match self.0.borrow_mut().get_mut(ticket) {
            Some(wait) if !is_confirmed => {
                wait.suspicion = suspicion;
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(None),
        }
    }

    /// Whether there is a wait of this number.
    pub(crate) fn is_there(&self, ticket: Ticket) -> bool {
        self.0.borrow_mut().get_mut(ticket).is_some()
    }

    /// Makes the wait settle `sink`. Returns the outcome instead if the wait is settled
    /// already.
    pub(crate) fn pass_on(&self, ticket: Ticket, sink: Arc<dyn Sink>) -> Option<Outcome> {
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

    /// Ends a wait. If its promise is pending, returns the action by which OCaml gives the
    /// promise up.
    pub(crate) fn end(&self, ticket: Ticket, cancels: bool) -> Option<Action> {
        let mut slots = self.0.borrow_mut();
        let mut entry = slots.occupied(ticket)?;
        let wait = entry.get_mut();
        if wait.state == State::Asked {
            let stale = std::mem::replace(&mut wait.reader, Reader::Gone { cancels });
            drop(slots);
            drop(stale);
            return None;
        }
        let wait = entry.remove();
        drop(slots);
        if wait.state.is_settled() {
            return None;
        }
        let awaited = Awaited {
            promise: wait.value,
            is_removable: wait.is_removable,
        };
        Some(match cancels {
            true => Action::Cancel(awaited),
            false => Action::Forget(awaited),
        })
    }
}

impl Wait {
    /// Settles the wait. Returns the promise that it was for.
    #[inline(always)]
    fn settle(&mut self, outcome: Outcome) -> Root {
        let (state, value) = match outcome {
            Ok(value) => (State::Resolved, value),
            Err(exception) => (State::Rejected, exception),
        };
        self.state = state;
        std::mem::replace(&mut self.value, value)
    }

    /// Takes the outcome, if the wait is settled.
    #[inline(always)]
    fn take_outcome(&mut self) -> Option<Outcome> {
        if !self.state.is_settled() {
            return None;
        }
        let value = std::mem::replace(&mut self.value, Root::UNIT);
        Some(match self.state {
            State::Rejected => Err(value),
            State::Asked | State::Pending | State::Resolved => Ok(value),
        })
    }
}
