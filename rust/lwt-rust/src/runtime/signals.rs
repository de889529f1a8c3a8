//! Which signals the threads of the runtime take.
//!
//! A thread that runs code has the signal mask of the thread that started the runtime,
//! since the processes that it starts inherit the mask. For example, a process that blocked
//! SIGTERM could be ended by SIGKILL alone.
//!
//! So the system may give a signal to a thread of the runtime, if the main thread blocks
//! that signal or has another one to handle. A handler of OCaml's only notes the signal,
//! which does no harm on any thread. But it does not interrupt the system call in which the
//! Lwt loop waits. So a thread that rests looks for signals that are noted, and wakes the
//! loop. It looks only once, so a worker blocks all signals before.

use std::{mem::MaybeUninit, ptr};

use crate::{fork, lwt_loop, ocaml};

/// A set of signals that a thread blocks.
#[derive(Clone, Copy)]
pub(super) struct Mask(libc::sigset_t);

impl Mask {
    fn all() -> Self {
        let mut all = MaybeUninit::uninit();
        // SAFETY: `all` is valid for writing.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        // SAFETY: `sigfillset` has initialised `all`.
        Mask(unsafe { all.assume_init() })
    }

    /// Makes this the mask of the calling thread, and returns the mask that it had before.
    pub(super) fn set(&self) -> Self {
        let mut before = MaybeUninit::uninit();
        // SAFETY: the mask is initialised, and `before` is valid for writing.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, before.as_mut_ptr()) };
        // SAFETY: `pthread_sigmask` fails only for a first argument that it does not
        // know, so it has initialised `before`.
        Mask(unsafe { before.assume_init() })
    }

    /// The mask of the calling thread.
    pub(super) fn here() -> Self {
        let mut here = MaybeUninit::uninit();
        // SAFETY: `here` is valid for writing. Without a set, the mask is not changed.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), here.as_mut_ptr()) };
        // SAFETY: as in `set`.
        Mask(unsafe { here.assume_init() })
    }
}

/// Called by a thread that rests or ends. Blocks all signals, and tells the Lwt loop of
/// those that the thread has taken.
pub(super) fn rest() {
    Mask::all().set();
    tell_of_signals();
}

/// Makes the Lwt loop handle the signals whose handlers have run on this thread.
pub(crate) fn tell_of_signals() {
    if ocaml::has_signals() && !fork::happened() {
        if let Some(lwt) = lwt_loop::current() {
            lwt.wake();
        }
    }
}
