//! How the executor runs its tasks.

use super::{Action, DomainExecutor, coop, slots::TaskSlot};
use crate::{
    fork,
    ocaml::{Lock, Val},
    reports,
    runtime::enter_tokio,
};

/// The most tasks that one poll runs, before the rest of the program has its turn.
const TASKS: usize = 128;

/// A task that has spent its budget counts as this many tasks, since it may have taken
/// long.
const SPENT: usize = 16;

impl DomainExecutor {
    /// Runs at most 128 runnable tasks, and returns the actions that they have left for
    /// OCaml: a value of the type `actions`.
    ///
    /// It holds nothing while a task runs, so it may be called again meanwhile. For
    /// example, a task calls OCaml code that polls, or that code waits, and another thread
    /// of the domain polls.
    pub(crate) fn poll<'l>(&self, lock: &'l mut Lock) -> Val<'l> {
        let mut is_exhausted = false;
        if !self.shared.is_closed() {
            let _tokio = enter_tokio(self.shared.tokio());
            is_exhausted = lock.lend(|| self.look_for_work());
            if self.is_of_lwt && reports::are_due() {
                self.leave(Action::Report);
            }
        }
        self.hand_over(lock, is_exhausted)
    }

    /// Runs a task that a callback of a Lwt promise has made runnable just now.
    #[inline(always)]
    pub(crate) fn run_now(&self, lock: &mut Lock, task: TaskSlot) {
        if self.shared.is_closed() {
            return;
        }
        let _tokio = enter_tokio(self.shared.tokio());
        lock.lend(|| self.tasks.run(self.shared, task));
        // If the task has ended, there is room now.
        self.start_wanted_driver();
    }

    /// Runs a task whose wait was settled just now. If another thread runs the Lwt loop, and
    /// has made the task, that thread runs it soon. For example, a systhread calls a closure,
    /// and a call of the loop's awaits the promise.
    #[inline(always)]
    pub(crate) fn run_now_if_here(&self, lock: &mut Lock, task: TaskSlot) {
        match self.is_beside_the_loop() && !self.tasks.is_of_this_thread(task) {
            true => self.make_runnable(task),
            false => self.run_now(lock, task),
        }
    }

    /// Runs the spawned tasks that the running stub has made runnable. For example, a
    /// callback of a Lwt promise has woken one of them. If another thread runs the Lwt loop,
    /// that thread runs them soon.
    #[cold]
    #[inline(never)]
    pub(crate) fn run_spawned_now(&self, lock: &mut Lock) {
        if self.is_beside_the_loop() {
            return;
        }
        if let Some(driver) = self.take_driver() {
            self.run_now(lock, driver.slot());
        }
    }

    /// Makes sure that the domain goes on while the running stub calls OCaml. That code may
    /// run a loop of its own, or block while another thread of the domain runs the loop.
    ///
    /// So a poll that is under way no longer keeps wake-ups from being delivered, and what
    /// is left to the end of the stub is delivered now.
    #[inline]
    pub(crate) fn before_ocaml(&self) {
        self.stand_in();
        self.shared.park().interrupt();
        if self.is_woken() && !self.is_told.replace(true) {
            self.tell_of_what_is_left();
        }
    }

    #[cold]
    fn tell_of_what_is_left(&self) {
        if !fork::happened() {
            self.shared.wake_and_tell();
        }
    }

    /// Runs runnable tasks, and empties the inbox. Returns whether work is left.
    fn look_for_work(&self) -> bool {
        self.is_told.set(false);
        let park = self.shared.park();
        let mut left = TASKS;
        loop {
            if park.start() {
                self.tasks.take_requests(self.shared, &self.drivers);
            }
            self.start_wanted_driver();
            while left > 0 && self.tasks.run_one(self.shared) {
                let least = if coop::is_spent() { SPENT } else { 1 };
                left = left.saturating_sub(self.drivers.take_ticks().max(least));
            }
            if left == 0 {
                park.leave_woken();
                return true;
            }
            if park.finish() {
                return false;
            }
        }
    }
}
