//! What the executor does in a turn of the loop that drives it.

use std::{
    cell::{Cell, RefCell},
    os::unix::net::UnixStream,
};

use super::{
    DomainExecutor, Shared,
    budget::{Budget, TASKS},
    calls::Calls,
    handle::Life,
    tasks::{TaskSlot, Tasks},
};
use crate::{
    ffi::{Lock, Root, Val, enter_tokio, is_in_turn},
    promise::Waits,
};

impl DomainExecutor {
    pub(super) fn new(shared: &'static Shared, record: Root, completions: Root) -> Self {
        DomainExecutor {
            is_of_lwt: shared.is_of_lwt(),
            shared,
            life: Cell::new(Life::FIRST),
            tasks: Tasks::default(),
            is_polling: Cell::new(false),
            record: RefCell::new(record),
            completions: RefCell::new(completions),
            stored: Cell::new(0),
            is_told: Cell::new(true),
            budget: Budget::new(),
            calls: Calls::default(),
            waits: Waits::new(),
            awaited: RefCell::default(),
        }
    }

    /// Makes an executor that was closed another domain's, which is told to poll
    /// through `told`.
    pub(super) fn begin_again(&self, told: UnixStream, record: Root, completions: Root) {
        self.record.replace(record);
        self.completions.replace(completions);
        self.life.set(self.life.get().next());
        self.shared.reopen(self.life.get(), told);
    }

    /// Marks the executor as being polled; `None` if it is.
    pub(super) fn polling(&self) -> Option<Polling<'_>> {
        match self.is_polling.replace(true) {
            true => None,
            false => Some(Polling(&self.is_polling)),
        }
    }

    /// Runs what is runnable, within the budget, and returns how many completions
    /// there are for OCaml to read. It has read all that it was told of before.
    ///
    /// If work is left, the executor is woken, with no notification: the caller
    /// promises to come back.
    ///
    /// It returns 0 at once if it is closed, or being polled already, which only
    /// OCaml code called by a task can find.
    pub(crate) fn poll(&self, lock: &mut Lock) -> usize {
        let Some(_polling) = self.polling() else {
            return 0;
        };
        if self.shared.is_closed() {
            return 0;
        }
        // What is left of it, and what OCaml makes of what is completed.
        self.shared.turn().tell();
        if self.is_told.replace(true) {
            self.calls.recycle();
            self.stored.set(0);
        }
        let _tokio = enter_tokio(self.shared.tokio());
        lock.lend(|| self.look_for_work());
        self.stored.get()
    }

    /// Runs one task now, if its turn of the loop is open: `task`, which a callback of
    /// a Lwt promise has made runnable just now, as a rule. Otherwise a poll does.
    pub(crate) fn run_at_once(&self, lock: &mut Lock, task: Option<TaskSlot>) {
        // OCaml may be reading the completions of the last poll.
        let is_open = self.stored.get() == 0 && !self.shared.is_closed() && is_in_turn(self.shared);
        let Some(_polling) = is_open.then(|| self.polling()).flatten() else {
            if let Some(task) = task {
                self.make_runnable(task);
            }
            return;
        };
        let _tokio = enter_tokio(self.shared.tokio());
        let _budget = self.budget.begin();
        lock.lend(|| match task {
            Some(task) => self.tasks.run_or_queue(self.shared, task),
            None => {
                self.tasks.run_one(self.shared);
            }
        });
        let has_completed = self.stored.get() > 0;
        if has_completed {
            self.is_told.set(false);
        }
        // Most turns of a task that awaits one thing after the other leave nothing.
        if has_completed || !self.tasks.are_idle() {
            self.shared.turn().tell();
        }
    }

    fn look_for_work(&self) {
        let park = self.shared.park();
        let _budget = self.budget.begin();
        // What was completed before the poll is read after it.
        if self.stored.get() > 0 {
            self.budget.spend_task();
        }
        loop {
            if park.start() {
                self.tasks.take_requests(self.shared);
            }
            while self.budget.is_left() && self.tasks.run_one(self.shared) {
                self.budget.spend_task();
            }
            if !self.budget.is_left() {
                return park.leave_woken();
            }
            if park.finish() {
                return;
            }
        }
    }

    /// Stores a completion. `lib/executor.ml` reads pairs: the number of the
    /// slot, twice, plus one for a rejection; and the value or the failure.
    pub(super) fn store(&self, lock: &mut Lock, slot: usize, is_rejected: bool, value: &Root) {
        let key = Val::from_index(2 * slot + usize::from(is_rejected));
        let at = 2 * self.stored.get();
        let completions = self.completions.borrow();
        lock.store(&completions, at, &Root::new(key));
        lock.store(&completions, at + 1, value);
        self.stored.set(self.stored.get() + 1);
    }

    /// The number of fields that the completions array needs.
    pub(crate) const COMPLETIONS: usize = 2 * TASKS;
}

/// A poll under way.
pub(super) struct Polling<'e>(&'e Cell<bool>);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}
