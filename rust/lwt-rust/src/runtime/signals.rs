//! Which signals the threads of the runtime take.
//!
//! A thread that runs code has the mask of the thread that started the runtime, since
//! the processes that it starts inherit it: one that blocked SIGTERM could be ended by
//! SIGKILL alone. The system then gives it a signal only if the main thread blocks
//! that, or has another one to handle. A handler of OCaml's only notes the signal,
//! which is no harm on any thread, but the system call in which the Lwt loop waits is
//! not interrupted by it. So a thread that rests looks for signals that are noted, and
//! wakes the loop. It looks once, so a worker blocks all signals before.

use std::{mem::MaybeUninit, ptr};

use crate::{executor::Handle, ffi, fork};

/// A set of signals that a thread blocks.
#[derive(Clone, Copy)]
pub(super) struct Mask(libc::sigset_t);

impl Mask {
    fn all() -> Self {
        let mut all = MaybeUninit::uninit();
        // SAFETY: `all` is valid for writing.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        // SAFETY: `sigfillset` has initialised it.
        Mask(unsafe { all.assume_init() })
    }

    /// Makes this the mask of the calling thread, and gives the one before.
    pub(super) fn set(&self) -> Self {
        let mut before = MaybeUninit::uninit();
        // SAFETY: the mask is initialised, and `before` is valid for writing.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, before.as_mut_ptr()) };
        // SAFETY: `pthread_sigmask` fails only for a first argument that it does not
        // know, so it has initialised `before`.
        Mask(unsafe { before.assume_init() })
    }

    /// That of the calling thread.
    pub(super) fn here() -> Self {
        let mut here = MaybeUninit::uninit();
        // SAFETY: `here` is valid for writing, and without a set nothing is changed.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), here.as_mut_ptr()) };
        // SAFETY: as in `set`.
        Mask(unsafe { here.assume_init() })
    }
}

/// This thread rests or ends: it takes no signal from now on, and those that it took are
/// seen.
pub(super) fn rest() {
    Mask::all().set();
    tell_of_signals();
}

/// Has the Lwt loop handle the signals whose handlers have run on this thread.
pub(super) fn tell_of_signals() {
    if ffi::has_signals() && !fork::happened() {
        if let Some(lwt) = Handle::of_lwt() {
            lwt.wake();
        }
    }
}
