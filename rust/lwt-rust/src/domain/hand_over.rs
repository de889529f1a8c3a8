//! How stubs give OCaml the actions that tasks leave.

use std::{cell::Cell, sync::Arc};

use lwt_rust_core::Ticket;

use super::{
    DomainExecutor,
    actions::{Action, Ask, End},
    function::Function,
    here::this_thread,
};
use crate::{
    error::Error,
    ocaml::{Lock, Root, Val},
};

/// An action that a stub has left on a thread.
pub(super) struct Left {
    thread: usize,
    action: Action,
}

thread_local! {
    /// The call that this thread has begun last, if it has begun any that waits.
    static BEGUN: Cell<Ticket> = const { Cell::new(Ticket::NOTHING) };
}

impl Left {
    #[inline]
    fn is_own(&self) -> bool {
        self.thread == this_thread()
    }

    /// Whether a thread may have it carried out beside the one of the Lwt loop. There is no
    /// promise yet for the result of a call that the thread begins.
    fn is_for_any_thread(&self) -> bool {
        match &self.action {
            Action::Call { .. } => true,
            Action::Settle { ticket, .. } => BEGUN.get() == *ticket,
            _ => false,
        }
    }
}

/// The actions that the calling thread had left before a stub.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    number: usize,
    /// How many times OCaml had taken all actions.
    taken: u32,
}

impl DomainExecutor {
    /// Leaves an action, which OCaml carries out when the running stub returns.
    #[inline]
    pub(crate) fn leave(&self, action: Action) {
        let thread = this_thread();
        self.actions.borrow_mut().push(Left { thread, action });
        self.is_left.set(true);
    }

    /// Notes that the calling thread begins a call, whose promise OCaml makes later.
    #[inline]
    pub(super) fn begins(&self, call: Ticket) {
        BEGUN.set(call);
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

    /// Leaves a call of a closure whose promise nobody awaits. While the executor is being
    /// closed, it is one of the last actions.
    pub(crate) fn tell(&self, function: Arc<Function>, argument: Root) {
        if !self.record.borrow().is_unit() {
            self.leave(Action::Call {
                function,
                argument,
                wait: Ticket::NOTHING,
            });
        }
    }

    /// The actions that the calling thread has left. A stub asks for that before it does
    /// anything. If there are any, they are those of another stub, which OCaml code has
    /// interrupted.
    #[inline]
    pub(crate) fn actions_left(&self) -> Before {
        let number = match self.is_left.get() {
            true => self.count_own(),
            false => 0,
        };
        Before {
            number,
            taken: self.taken.get(),
        }
    }

    #[cold]
    fn count_own(&self) -> usize {
        let actions = self.actions.borrow();
        actions.iter().filter(|left| left.is_own()).count()
    }

    /// Gives OCaml all actions that were left, as a value of the type `actions`. A stub
    /// that polls tasks calls this last. `is_exhausted` says that the poll has ended with
    /// work left.
    #[inline]
    pub(crate) fn hand_over<'l>(&self, lock: &'l mut Lock, is_exhausted: bool) -> Val<'l> {
        if !self.is_left.get() && !is_exhausted {
            return Val::from_index(End::Nothing as usize);
        }
        self.taken.set(self.taken.get().wrapping_add(1));
        self.hand_over_all(lock, is_exhausted || self.is_beside_the_loop())
    }

    /// Gives OCaml the actions that the running stub has left, when `before` were there already:
    /// see [`actions_left`](Self::actions_left). So each thread carries out its own. For
    /// example, a closure runs on the thread whose call it was given to. If OCaml code has
    /// interrupted the stub, another thread may have left actions meanwhile.
    ///
    /// A thread beside the one of the Lwt loop gets only calls of closures, and the result of the
    /// call that it has begun. The other actions touch promises, so they wait for the loop.
    #[inline]
    pub(crate) fn hand_over_own<'l>(&self, lock: &'l mut Lock, before: Before) -> Val<'l> {
        if !self.is_left.get() {
            return Val::from_index(End::Nothing as usize);
        }
        // A loop inside the stub may have taken the earlier ones.
        let number = match self.taken.get() == before.taken {
            true => before.number,
            false => 0,
        };
        let is_beside = self.is_beside_the_loop();
        let are_all = || self.actions.borrow().iter().all(Left::is_own);
        match !is_beside && number == 0 && are_all() {
            true => self.hand_over_all(lock, false),
            false => self.hand_over_some(lock, number, is_beside),
        }
    }

    /// Gives OCaml all actions. `comes_back` is as for [`end`](Self::end).
    fn hand_over_all<'l>(&self, lock: &'l mut Lock, comes_back: bool) -> Val<'l> {
        let mut next = self.end(comes_back);
        // The list is borrowed for one action at a time, and not while memory is allocated:
        // then a finaliser may run, and leave an action.
        loop {
            let mut actions = self.actions.borrow_mut();
            let last = actions.pop();
            let is_first = actions.is_empty();
            drop(actions);
            match last {
                None => return next.get(lock),
                Some(first) if is_first => return first.action.block(lock, &next),
                Some(other) => next = Root::new(other.action.block(lock, &next)),
            }
        }
    }

    /// Gives OCaml the actions of this thread, but not the first `before` of them. If
    /// `is_beside`, most of them wait for the loop.
    #[cold]
    fn hand_over_some<'l>(&self, lock: &'l mut Lock, before: usize, is_beside: bool) -> Val<'l> {
        let mut next = self.end(is_beside);
        let mut number = 0;
        let all = self.actions.take();
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|left| {
            number += usize::from(left.is_own());
            left.is_own() && number > before && (left.is_for_any_thread() || !is_beside)
        });
        self.is_left.set(!others.is_empty());
        self.actions.replace(others);
        for last in own.into_iter().rev() {
            next = Root::new(last.action.block(lock, &next));
        }
        next.get(lock)
    }

    /// What follows the last action. `comes_back` says that OCaml makes the loop come back in any
    /// case: if the poll has ended with work left, or if another thread runs the Lwt loop. That
    /// loop may sleep, and what OCaml does on this thread, such as a `Lwt.pause` in a closure,
    /// does not wake it.
    fn end(&self, comes_back: bool) -> Root {
        let end = match self.must_come_back() || comes_back {
            true => End::ComeBack,
            false => End::Nothing,
        };
        Root::new(Val::from_index(end as usize))
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
