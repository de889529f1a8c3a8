//! The Lwt promises that Rust waits for, by numbers that OCaml knows.

use std::sync::{Arc, Mutex, MutexGuard};

use lwt_rust_core::{Slots, Ticket};

use super::link::Sink;
use crate::ffi::{Root, Val};

/// Of all domains: whoever settles a Lwt promise settles its number, on
/// whichever thread that is. `None` is a wait that has not begun.
static WAITS: Mutex<Slots<Option<Arc<dyn Sink>>>> = Mutex::new(Slots::new());

fn waits() -> MutexGuard<'static, Slots<Option<Arc<dyn Sink>>>> {
    // A panic under this lock is that of `Slots::insert`, which changes nothing.
    WAITS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The number of a wait. Dropping it ends the wait: settling the number then
/// does nothing.
pub(super) struct Wait(Ticket);

impl Wait {
    /// A number for a wait that may begin.
    pub(super) fn reserve() -> Self {
        Wait(waits().insert(|_| None))
    }

    /// The number as OCaml knows it.
    pub(super) fn number(&self) -> Root {
        let bits = i64::try_from(self.0.to_bits()).ok().and_then(Val::int);
        Root::new(bits.expect("a ticket fits in an OCaml integer"))
    }

    /// From now on, settling the number settles `sink`.
    pub(super) fn begin(&self, sink: Arc<dyn Sink>) {
        if let Some(place) = waits().get_mut(self.0) {
            *place = Some(sink);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // In a variable, to be dropped when the lock no longer is held.
        let sink = waits().remove(self.0);
        drop(sink);
    }
}

/// Ends the wait of this number and gives what waited, if anything still did.
pub(crate) fn end(number: u64) -> Option<Arc<dyn Sink>> {
    waits().remove(Ticket::from_bits(number)).flatten()
}
