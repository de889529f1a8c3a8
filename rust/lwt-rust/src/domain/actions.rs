//! The actions that Rust leaves for OCaml (rule 18).
//!
//! A user's OCaml code may block, run a loop, call `exit` or perform an effect. So none of
//! it runs above a frame of a task's. For example, a task that calls a Lwt closure leaves
//! an [`Action`] here. When the stub that polled the task returns, it gives OCaml all
//! actions that were left, as a chain of blocks, and OCaml carries them out in order.

use std::sync::Arc;

use lwt_rust_core::Ticket;

use super::{DomainExecutor, Function};
use crate::{
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// A request to OCaml. Each is a constructor of `actions` in `lib/raw.ml`.
pub(crate) enum Action {
    /// Calls a Lwt closure. The promise that the closure returns settles the wait.
    Call {
        function: Arc<Function>,
        argument: Root,
        wait: Ticket,
    },
    /// Makes a Lwt promise settle the wait.
    Observe { promise: Root, wait: Ticket },
    /// Cancels a Lwt promise that Rust no longer awaits.
    Cancel(Awaited),
    /// Gives up a Lwt promise that Rust no longer awaits, without cancelling it.
    Forget(Awaited),
    /// Settles the promise of a call, with a value or a `failure`.
    Settle {
        ticket: Ticket,
        result: Result<Root, Root>,
    },
    /// Gives the panics to OCaml's panic handler.
    Report,
}

/// A Lwt promise, as OCaml described it when the wait began.
pub(crate) struct Awaited {
    pub(crate) promise: Root,
    /// Whether `promise` is a pair, whose second half has our callbacks.
    pub(crate) is_removable: bool,
}

/// How OCaml gets the promise of a wait.
pub(crate) enum Ask {
    /// It calls a closure with an argument: the wait is for the promise that the closure
    /// returns.
    Call(Arc<Function>, Root),
    /// The wait is for this promise, which exists already.
    Observe(Root),
}

/// How a chain of actions ends: the constant constructors of `actions`.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Nothing = 0,
    /// Work is left, and OCaml has to make the loop come back for it.
    ComeBack = 1,
}

impl Action {
    /// The block of this action, which points to the chain that follows it.
    #[inline]
    fn block<'l>(self, lock: &'l mut Lock, next: &Root) -> Val<'l> {
        let number = |ticket: Ticket| Root::new(Val::from_bits(ticket.to_bits()));
        match self {
            Action::Call {
                function,
                argument,
                wait,
            } => {
                let (closure, context) = (function.closure(), function.context());
                lock.block(0, &[closure, &argument, &number(wait), context, next])
            }
            Action::Observe { promise, wait } => lock.block(2, &[&promise, &number(wait), next]),
            Action::Cancel(awaited) => awaited.block(lock, 3, next),
            Action::Forget(awaited) => awaited.block(lock, 4, next),
            Action::Settle { ticket, result } => {
                let is_value = Root::of_bool(result.is_ok());
                let (Ok(result) | Err(result)) = result;
                lock.block(5, &[&number(ticket), &is_value, &result, next])
            }
            Action::Report => lock.block(6, &[next]),
        }
    }
}

impl Awaited {
    fn block<'l>(&self, lock: &'l mut Lock, tag: u8, next: &Root) -> Val<'l> {
        let is_removable = Root::of_bool(self.is_removable);
        lock.block(tag, &[&self.promise, &is_removable, next])
    }
}

impl DomainExecutor {
    /// Leaves an action, which OCaml carries out when the running stub returns.
    #[inline]
    pub(crate) fn leave(&self, action: Action) {
        self.actions.borrow_mut().push(action);
        self.is_left.set(true);
    }

    /// Begins a wait of the task that is being polled, and leaves the action by which OCaml
    /// will settle it.
    ///
    /// # Errors
    ///
    /// If the executor is closed, or there are too many waits.
    pub(crate) fn ask(&self, ask: Ask) -> Result<Ticket, Error> {
        if self.shared.is_closed() {
            return Err(Error::Abandoned);
        }
        let wait = self.waits.begin(self.running_slot())?;
        self.leave(match ask {
            Ask::Call(function, argument) => Action::Call {
                function,
                argument,
                wait,
            },
            Ask::Observe(promise) => Action::Observe { promise, wait },
        });
        Ok(wait)
    }

    /// Gives OCaml all actions that were left, as a value of the type `actions`. A stub
    /// that polls tasks calls this last. `is_exhausted` says that the poll has ended with
    /// work left.
    #[inline]
    pub(crate) fn hand_over<'l>(&self, lock: &'l mut Lock, is_exhausted: bool) -> Val<'l> {
        if !self.is_left.get() && !is_exhausted {
            return Val::from_index(End::Nothing as usize);
        }
        self.hand_over_now(lock, is_exhausted)
    }

    fn hand_over_now<'l>(&self, lock: &'l mut Lock, is_exhausted: bool) -> Val<'l> {
        self.forget_taken();
        let end = match self.must_come_back() || is_exhausted {
            true => End::ComeBack,
            false => End::Nothing,
        };
        let mut next = Root::new(Val::from_index(end as usize));
        // The list is borrowed for one action at a time, and not while memory is allocated:
        // then a finaliser may run, and leave an action.
        loop {
            let mut actions = self.actions.borrow_mut();
            let last = actions.pop();
            let is_first = actions.is_empty();
            drop(actions);
            match last {
                None => return next.get(lock),
                Some(first) if is_first => return first.block(lock, &next),
                Some(other) => next = Root::new(other.block(lock, &next)),
            }
        }
    }

    /// Whether tasks are runnable and no poll is on its way, so that the caller has to ask
    /// for one. That is so once, until the next poll.
    fn must_come_back(&self) -> bool {
        self.is_left.set(false);
        if self.tasks.are_idle() || self.shared.is_closed() {
            return false;
        }
        match self.is_of_lwt {
            true => self.shared.park().wake(),
            false => {
                // The domain's own loop may be waiting on another thread, which has to be
                // woken.
                self.shared.wake();
                false
            }
        }
    }

    /// The counterpart of [`hand_over`](DomainExecutor::hand_over) for a stub whose result
    /// is not of the type `actions`. The next poll sees to the tasks and actions that are
    /// left, and this asks for that poll.
    #[inline]
    pub(crate) fn see_to_what_is_left(&self) {
        if self.is_left.replace(false) {
            self.see_to_it_now();
        }
    }

    #[cold]
    fn see_to_it_now(&self) {
        let is_something = !self.tasks.are_idle() || !self.actions.borrow().is_empty();
        if is_something && !self.shared.is_closed() {
            // The stub that polls looks at this flag.
            self.is_left.set(true);
            self.shared.wake();
        }
    }
}
