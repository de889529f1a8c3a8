//! The turns of a loop, in memory that OCaml reads and writes as well (rule 4).

use std::sync::atomic::{AtomicIsize, Ordering};

/// What a loop and our code tell each other about its turns.
///
/// The hooks of a Lwt loop read and write it themselves, so that a turn in which
/// nobody uses Rust does not call us at its end. Only threads that hold the lock of
/// the loop's domain say something here that has to be seen, so nothing has to be
/// ordered; the hooks of another domain's loop may end a turn that is not theirs, and
/// then wake-ups send notifications that are not needed.
pub(crate) struct Turn([AtomicIsize; 2]);

/// Those of the Lwt loop: there is one in a process.
pub(crate) static TURN_OF_LWT: Turn = Turn::new();

/// The thread that is in a turn, by an address of its own; 0 if none is. As
/// `turn_thread` of `lib/raw.ml`.
const THREAD: usize = 0;

/// 0 if nothing was left to the loop to see since it looked last. As `turn_news` of
/// `lib/raw.ml`.
const NEWS: usize = 1;

impl Turn {
    /// Of a loop that has not begun yet.
    pub(crate) const fn new() -> Self {
        Turn([AtomicIsize::new(0), AtomicIsize::new(0)])
    }

    /// As OCaml sees it.
    pub(super) fn words(&self) -> &[AtomicIsize] {
        &self.0
    }

    /// `thread` will look at the executor before its loop can block.
    #[inline]
    pub(super) fn begin(&self, thread: isize) {
        self.0[THREAD].store(thread, Ordering::Relaxed);
    }

    /// The thread that was in a turn no longer promises anything.
    #[inline]
    pub(crate) fn end(&self) {
        self.0[THREAD].store(0, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn is_of(&self, thread: isize) -> bool {
        self.0[THREAD].load(Ordering::Relaxed) == thread
    }

    /// There is something for the loop to see at the end of its turn.
    #[inline]
    pub(crate) fn tell(&self) {
        self.0[NEWS].store(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.0[NEWS].load(Ordering::Relaxed) != 0
    }

    /// The loop has looked, and there was nothing.
    #[inline]
    pub(super) fn looked(&self) {
        self.0[NEWS].store(0, Ordering::Relaxed);
    }
}
