//! How much one poll of an executor does before the rest of the program has its
//! turn.

use std::cell::Cell;

use super::DomainExecutor;
use crate::ffi;

/// The most tasks that one poll runs. A task completes one call at most, so the
/// completions of a poll fit in an array of twice as many fields.
pub(super) const TASKS: usize = 128;

/// The most settled promises that the tasks of one poll await. A task that finds
/// everything it awaits settled would not end its poll otherwise.
const AWAITS: usize = 256;

/// What is left of a poll.
pub(super) struct Budget {
    tasks: Cell<usize>,
    awaits: Cell<usize>,
    is_polling: Cell<bool>,
}

/// A poll, or a part of one.
pub(super) struct Polling<'b>(Option<&'b Budget>);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if let Some(budget) = self.0 {
            budget.is_polling.set(false);
        }
    }
}

impl Budget {
    pub(super) fn new() -> Self {
        Budget {
            tasks: Cell::new(TASKS),
            awaits: Cell::new(AWAITS),
            is_polling: Cell::new(false),
        }
    }

    /// A poll begins, with all of the budget; or a part of one, if it was begun
    /// by OCaml code that a task calls.
    pub(super) fn begin(&self) -> Polling<'_> {
        if self.is_polling.replace(true) {
            return Polling(None);
        }
        self.tasks.set(TASKS);
        self.awaits.set(AWAITS);
        Polling(Some(self))
    }

    /// Whether another task may run.
    pub(super) fn is_left(&self) -> bool {
        self.tasks.get() > 0 && self.awaits.get() > 0
    }

    /// A task has run.
    pub(super) fn spend_task(&self) {
        self.tasks.set(self.tasks.get() - 1);
    }

    /// A promise was found settled. Returns `false` if the task has to wait for
    /// the next poll all the same.
    fn spend_await(&self) -> bool {
        match self.awaits.get().checked_sub(1) {
            Some(left) => {
                self.awaits.set(left);
                true
            }
            None => false,
        }
    }
}

impl DomainExecutor {
    /// Whether a task that found a promise settled may go on in this poll.
    #[inline]
    pub(crate) fn may_go_on(&self) -> bool {
        self.budget.spend_await()
    }
}

/// As [`DomainExecutor::may_go_on`], of the domain of the calling thread. A task that
/// is not of a domain always may: tokio's threads are its own to use.
pub(crate) fn may_go_on() -> bool {
    ffi::executor().is_none_or(DomainExecutor::may_go_on)
}
