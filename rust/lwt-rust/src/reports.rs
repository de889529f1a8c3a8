//! Reports that a handler of OCaml's gets a little later, from the Lwt loop.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{fork, lwt_loop};

/// The reports of one kind.
pub(crate) struct Reports<T> {
    waiting: Mutex<VecDeque<T>>,
    /// How many may wait; none while OCaml has no handler.
    room: AtomicUsize,
}

/// Whether there may be reports that OCaml has not taken.
static ARE_THERE: AtomicBool = AtomicBool::new(false);

/// Whether OCaml has to take reports now. Then it takes those of all kinds.
pub(crate) fn are_due() -> bool {
    ARE_THERE.load(Ordering::Relaxed) && ARE_THERE.swap(false, Ordering::Relaxed)
}

impl<T> Reports<T> {
    pub(crate) const fn new() -> Self {
        Reports {
            waiting: Mutex::new(VecDeque::new()),
            room: AtomicUsize::new(0),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Nothing that can panic runs under this lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how many reports may wait for OCaml. With 0, none is made from now on. Any thread
    /// may call it.
    pub(crate) fn set_room(&self, room: usize) {
        self.room.store(room, Ordering::Relaxed);
    }

    /// Takes the first reports, at most so many. Nothing but the next report tells OCaml of the
    /// others.
    pub(crate) fn take(&self, most: usize) -> VecDeque<T> {
        let mut waiting = self.waiting();
        if waiting.len() <= most {
            return std::mem::take(&mut *waiting);
        }
        // This does not move the others, of which there may be a million.
        waiting.drain(..most).collect()
    }

    /// Whether there are reports.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "only records ask"))]
    pub(crate) fn are_waiting(&self) -> bool {
        !self.waiting().is_empty()
    }

    /// Leaves a report, and wakes the Lwt loop, if there is one. Any thread may call it.
    ///
    /// # Errors
    ///
    /// The report, if OCaml takes none, or too many wait.
    pub(crate) fn send(&self, report: T) -> Result<(), T> {
        let room = self.room.load(Ordering::Relaxed);
        if room == 0 || fork::happened() {
            return Err(report);
        }
        let mut waiting = self.waiting();
        if waiting.len() >= room {
            return Err(report);
        }
        waiting.push_back(report);
        drop(waiting);
        tell();
        Ok(())
    }
}

/// Wakes a new Lwt loop if there are reports from before.
pub(crate) fn tell_of_earlier() {
    if ARE_THERE.load(Ordering::Relaxed) {
        wake();
    }
}

fn tell() {
    // The loop has been woken for earlier reports, if these are still there.
    if !ARE_THERE.swap(true, Ordering::Relaxed) {
        wake();
    }
}

fn wake() {
    if let Some(lwt) = lwt_loop::current() {
        lwt.wake();
    }
}
