//! The Lwt promises that Rust waits for, by numbers that OCaml knows.

use std::{
    cell::Cell,
    sync::{Arc, Mutex, MutexGuard},
};

use lwt_rust_core::{Slots, Ticket};

use super::link::Sink;
use crate::ffi::{Root, Val};

/// Of all domains: whoever settles a Lwt promise settles its number, on
/// whichever thread that is. `None` is a wait that has not begun.
static WAITS: Mutex<Slots<Option<Arc<dyn Sink>>>> = Mutex::new(Slots::new());

thread_local! {
    static SPARE: Spare = const { Spare(Cell::new(None)) };
}

/// A number for the next wait of this thread, which costs no lock then. A thread
/// that ends gives it back.
struct Spare(Cell<Option<Ticket>>);

impl Drop for Spare {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            waits().remove(ticket);
        }
    }
}

/// The spare number of this thread, if it has one: a thread that is ending has
/// none.
fn take_spare() -> Option<Ticket> {
    SPARE.try_with(|spare| spare.0.take()).ok().flatten()
}

/// Makes `ticket` this thread's spare number. Returns `false` if it has one, or is
/// ending: then `ticket` was not asked for.
fn keep_spare(ticket: impl FnOnce() -> Ticket) -> bool {
    let keep = |spare: &Spare| {
        let is_wanted = spare.0.get().is_none();
        if is_wanted {
            spare.0.set(Some(ticket()));
        }
        is_wanted
    };
    SPARE.try_with(keep).unwrap_or(false)
}

fn waits() -> MutexGuard<'static, Slots<Option<Arc<dyn Sink>>>> {
    // A panic under this lock is that of `Slots::insert`, which changes nothing.
    WAITS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// From now on, settling the number of a wait settles `sink`.
pub(super) fn begin(wait: Ticket, sink: Arc<dyn Sink>) {
    let mut waits = waits();
    if let Some(place) = waits.get_mut(wait) {
        *place = Some(sink);
    }
    keep_spare(|| waits.insert(|_| None));
}

/// Ends the wait of this number and gives what waited, if anything still did.
pub(crate) fn end(number: u64) -> Option<Arc<dyn Sink>> {
    waits().remove(Ticket::from_bits(number)).flatten()
}

/// The number of a wait that has not begun. Dropping it gives the number back.
pub(super) struct Reserved(Ticket);

impl Reserved {
    pub(super) fn new() -> Self {
        Reserved(take_spare().unwrap_or_else(|| waits().insert(|_| None)))
    }

    /// The number as OCaml knows it.
    pub(super) fn number(&self) -> Root {
        let bits = i64::try_from(self.0.to_bits()).ok().and_then(Val::int);
        Root::new(bits.expect("a ticket fits in an OCaml integer"))
    }

    /// For a wait that will begin.
    pub(super) fn keep(self) -> Wait {
        let wait = Wait(self.0);
        std::mem::forget(self);
        wait
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !keep_spare(|| self.0) {
            waits().remove(self.0);
        }
    }
}

/// The number of a wait. Dropping it ends the wait: settling the number then
/// does nothing.
pub(super) struct Wait(Ticket);

impl Wait {
    pub(super) fn ticket(&self) -> Ticket {
        self.0
    }

    /// For a wait that was ended by its number: dropping it would find nothing.
    pub(super) fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // In a variable, to be dropped when the lock no longer is held.
        let sink = waits().remove(self.0);
        drop(sink);
    }
}
