//! What one thread is doing, as far as OCaml is concerned.
//!
//! Nothing here needs a destructor, so it can be read at any moment of a
//! thread's life; code that may run on a thread of which nothing is known (a
//! finaliser, a waker) only ever sees the initial state there.

use std::{cell::Cell, ptr};

use crate::{
    executor::{DomainExecutor, Shared},
    fork,
};

/// What the Rust code now running on this thread may do with OCaml.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing is known: OCaml code runs here, or a thread that has never been
    /// entered from OCaml.
    Outside,
    /// Rust code entered from OCaml runs here, and nobody has the lock in
    /// hand: it may be lent.
    Free,
    /// As `Free`, with the lock in somebody's hand.
    Taken,
}

struct Thread {
    access: Cell<Access>,
    /// The executor this thread has promised to look at before its Lwt loop can
    /// block. Only compared, never followed.
    turn: Cell<*const Shared>,
    /// The executor of the domain this thread belongs to, once it was asked for.
    executor: Cell<Option<&'static DomainExecutor>>,
    /// Whether OCaml knows that this thread's domain has used us.
    is_known: Cell<bool>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            access: Cell::new(Access::Outside),
            turn: Cell::new(ptr::null()),
            executor: Cell::new(None),
            is_known: Cell::new(false),
        }
    };
}

pub(super) fn access() -> Access {
    THREAD.with(|thread| thread.access.get())
}

/// Sets the access of this thread until the guard is dropped.
pub(super) fn set_access(access: Access) -> AccessGuard {
    AccessGuard(THREAD.with(|thread| thread.access.replace(access)))
}

pub(super) struct AccessGuard(Access);

impl Drop for AccessGuard {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.access.set(self.0));
    }
}

/// Whether this is the first time that a thread asks.
pub(super) fn is_new() -> bool {
    !THREAD.with(|thread| thread.is_known.replace(true))
}

/// The executor of this thread's domain, if it was attached to this thread.
/// In a forked child there is none.
pub(crate) fn executor() -> Option<&'static DomainExecutor> {
    if fork::happened() {
        return None;
    }
    THREAD.with(|thread| thread.executor.get())
}

/// Attaches the executor of this thread's domain to the thread.
pub(crate) fn set_executor(executor: &'static DomainExecutor) {
    THREAD.with(|thread| thread.executor.set(Some(executor)));
}

/// `turn` of `lib/raw.ml`: what the executor of a thread is at the beginning of
/// a turn.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    Idle = 0,
    /// It is owed a poll.
    Woken = 1,
    /// It stayed in the process that this one was forked from.
    Forked = 2,
}

/// This thread's loop has begun a turn: it will call [`end_turn`] before it can
/// block.
pub(crate) fn begin_turn() -> Turn {
    match executor() {
        Some(executor) => {
            let shared = executor.shared();
            THREAD.with(|thread| thread.turn.set(shared));
            if shared.is_woken() {
                Turn::Woken
            } else {
                Turn::Idle
            }
        }
        None if fork::happened() => Turn::Forked,
        None => Turn::Idle,
    }
}

/// This thread no longer promises to look at its executor. Returns whether it
/// is owed a poll.
pub(crate) fn end_turn() -> bool {
    THREAD.with(|thread| thread.turn.set(ptr::null()));
    is_woken()
}

/// Whether the executor of this thread's domain is owed a poll.
pub(crate) fn is_woken() -> bool {
    executor().is_some_and(|executor| executor.shared().is_woken())
}

/// Whether a wake-up of `shared` made now, on this thread, will be seen without
/// a notification: this thread is in a turn of the loop that polls it, and in
/// code of ours. The second condition is there for finalisers and for foreign
/// code, which may run when the loop has already decided to block (rule 4).
pub(crate) fn polls_soon(shared: &Shared) -> bool {
    THREAD
        .with(|thread| thread.access.get() != Access::Outside && ptr::eq(thread.turn.get(), shared))
}
