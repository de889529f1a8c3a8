//! Reports that a handler of OCaml's gets a little later, from the Lwt loop.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{fork, lwt_loop};

/// The reports of one kind.
pub(crate) struct Reports<T> {
    waiting: Mutex<VecDeque<T>>,
    /// Whether `waiting` contains any.
    has_any: AtomicBool,
    /// Whether OCaml has a handler.
    has_handler: AtomicBool,
}

/// The most reports that wait.
const MOST: usize = 64;

impl<T> Reports<T> {
    pub(crate) const fn new() -> Self {
        Reports {
            waiting: Mutex::new(VecDeque::new()),
            has_any: AtomicBool::new(false),
            has_handler: AtomicBool::new(false),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Nothing that can panic runs under this lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether OCaml takes the reports from now on. Any thread may call it.
    pub(crate) fn are_taken(&self, are: bool) {
        self.has_handler.store(are, Ordering::Relaxed);
    }

    /// Whether there are reports that OCaml has not taken.
    pub(crate) fn has_any(&self) -> bool {
        self.has_any.load(Ordering::Relaxed)
    }

    /// The reports since the last call.
    pub(crate) fn take(&self) -> VecDeque<T> {
        self.has_any.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.waiting())
    }

    /// Leaves a report, and wakes the Lwt loop. Any thread may call it.
    ///
    /// # Errors
    ///
    /// The report, if there is no handler, or no loop that would call the handler soon, or if
    /// too many reports wait.
    pub(crate) fn send(&self, report: T) -> Result<(), T> {
        if !self.has_handler.load(Ordering::Relaxed) || fork::happened() {
            return Err(report);
        }
        let Some(lwt) = lwt_loop::current() else {
            return Err(report);
        };
        let mut waiting = self.waiting();
        if waiting.len() >= MOST {
            return Err(report);
        }
        waiting.push_back(report);
        self.has_any.store(true, Ordering::Relaxed);
        drop(waiting);
        lwt.wake();
        Ok(())
    }
}
