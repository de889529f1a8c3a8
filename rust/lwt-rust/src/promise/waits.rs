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
    executor::{Action, Awaited, Handle, TaskSlot, is_first, too_many},
    ffi::{self, Lock, Root, Val, try_with_lock},
    fork,
    runtime::is_blocking,
};

/// How a Lwt promise was settled: its value, or its exception as OCaml shows it.
pub(crate) type Outcome = Result<Root, Root>;

/// Reads the value of a promise, or takes its exception.
pub(super) fn read<T: FromOcaml>(lock: &mut Lock, outcome: Outcome) -> Result<T, Error> {
    match outcome {
        // SAFETY: the promise that was waited for was read as one of `T`, or a function
        // returned it that was read as one of such promises.
        Ok(value) => unsafe { T::from_ocaml(value.get(lock)) },
        Err(shown) => Err(Exception::read(shown.get(lock))?.into()),
    }
}

/// The waits of an executor.
pub(crate) struct Waits(RefCell<Slots<Wait>>);

struct Wait {
    state: State,
    /// The Lwt promise, if the wait is pending; what settled it, if it is settled.
    value: Root,
    /// As in [`Awaited`].
    is_removable: bool,
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

/// What OCaml has to do with a promise that it was asked for: `begun` of
/// `lib/raw.ml`.
#[derive(Clone, Copy)]
pub(crate) enum Begun {
    /// Has it settle the wait.
    Waits = 0,
    /// Cancels it: nobody awaits it any more.
    Cancels = 1,
    /// Leaves it alone.
    Detached = 2,
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
    /// Nobody any more; OCaml finds out when it has the promise, and cancels it or
    /// not.
    Gone { cancels: bool },
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

    /// A wait begins for a promise that OCaml is asked for, as a rule of the task that
    /// is being polled.
    ///
    /// # Errors
    ///
    /// If there are too many.
    pub(crate) fn begin(&self, task: Option<TaskSlot>) -> Result<Ticket, Error> {
        let mut slots = self.0.borrow_mut();
        if !slots.has_room() {
            return Err(too_many("awaited promises"));
        }
        Ok(slots.insert(|_| Wait {
            state: State::Asked,
            value: Root::UNIT,
            is_removable: false,
            reader: task.map_or(Reader::Nobody, Reader::Task),
        }))
    }

    /// OCaml has the promise that it was asked for, and it is pending.
    fn promised(&self, ticket: Ticket, awaited: Awaited) -> Begun {
        let mut slots = self.0.borrow_mut();
        let Some(mut entry) = slots.occupied(ticket) else {
            return Begun::Cancels;
        };
        let wait = entry.get_mut();
        if let Reader::Gone { cancels } = wait.reader {
            // It has nothing whose drop would want the table.
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

    /// Returns the task that is to run now.
    #[inline(always)]
    fn settle(&self, lock: &mut Lock, ticket: Ticket, outcome: Outcome) -> Option<TaskSlot> {
        let mut slots = self.0.borrow_mut();
        // A wait that Rust has given up is gone.
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

    /// Takes what settled the wait, or registers the task to be woken by it: `task`,
    /// if `context` is that of a task of the executor. `None` if the executor was
    /// closed, or this thread would wait for itself.
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
            // A second poll follows.
            None if is_first(waker) => return Poll::Pending,
            None if is_blocking(waker) => return Poll::Ready(None),
            None => Reader::Waker(waker.clone()),
        };
        let mut slots = self.0.borrow_mut();
        let wait = slots.get_mut(ticket);
        let stale = wait.map(|wait| std::mem::replace(&mut wait.reader, reader));
        drop(slots);
        drop(stale);
        Poll::Pending
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

    /// Ends a wait. Gives what OCaml has to do with the promise that it was for, if that
    /// is pending.
    pub(super) fn end(&self, ticket: Ticket, cancels: bool) -> Option<Action> {
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

/// OCaml has a promise that it was asked for, on a thread of the domain that asked.
/// Says what it has to do with it.
pub(crate) fn promised(number: u64, awaited: Awaited) -> Begun {
    match ffi::executor() {
        Some(executor) => executor
            .waits()
            .promised(Ticket::from_bits(number), awaited),
        // In a forked child, where nobody awaits it.
        None => Begun::Detached,
    }
}

/// Settles the wait of this number. Returns what is left for OCaml to do.
///
/// `is_here` says that it is a wait of the calling thread's domain. Otherwise it is one
/// of the domain that runs the Lwt loop, and the caller is whichever thread settled the
/// Lwt promise: Lwt wants that to be one of that domain's.
pub(crate) fn settle(lock: &mut Lock, number: u64, outcome: Outcome, is_here: bool) -> Val<'_> {
    if fork::happened() {
        // What waited has stayed in the other process.
        return Val::UNIT;
    }
    let ticket = Ticket::from_bits(number);
    match ffi::executor().filter(|executor| is_here || executor.is_of_lwt()) {
        Some(executor) => {
            if let Some(task) = executor.waits().settle(lock, ticket, outcome) {
                executor.run_now(lock, task);
            }
            executor.hand_over(lock, false)
        }
        None => {
            settle_from_elsewhere(ticket, outcome);
            Val::UNIT
        }
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
