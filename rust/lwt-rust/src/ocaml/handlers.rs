//! The handlers of signals that Rust code sets.
//!
//! OCaml 5 runs fibers on small stacks of their own. For example, tokio sets a handler
//! for `tokio::signal`. Such a handler runs on the stack that is in use, unless its flags
//! ask for another one. On the stack of a fiber it could write beyond the end of the
//! stack. OCaml gives each of its threads a stack for handlers. So in a program with our
//! archive, the `sigaction` of this file takes the place of the C library's, and adds the
//! flag that asks for that stack. So does `signal`, which in the C library does not call
//! `sigaction` by its name. In bytecode, fibers have no such stack. In the dynamic library the
//! functions go unused.

use std::ffi::c_int;

unsafe extern "C" {
    /// The C library's `sigaction`, by the other name that it has in glibc.
    fn __sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int;
}

/// Does as the C library's `sigaction`, but the handler runs on the stack that its thread
/// has for handlers, if the thread has one. Any thread may call it, and a handler too.
///
/// # Safety
///
/// As for the C library's `sigaction`.
#[unsafe(no_mangle)]
unsafe extern "C" fn sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    // SAFETY: the caller gives a valid action, or null.
    let changed = unsafe { new.as_ref() }.map(|new| {
        let mut changed = *new;
        if ![libc::SIG_DFL, libc::SIG_IGN].contains(&changed.sa_sigaction) {
            changed.sa_flags |= libc::SA_ONSTACK;
        }
        changed
    });
    let new = changed.as_ref().map_or(new, |changed| changed);
    // SAFETY: `new` is null or a valid action, and the caller answers for `old`.
    unsafe { __sigaction(signal, new, old) }
}

/// Does as the C library's `signal`, by [`sigaction`]: the handler stays, system calls that
/// it interrupts begin again, and the signal is blocked while the handler runs.
///
/// # Safety
///
/// As for the C library's `signal`.
#[unsafe(no_mangle)]
unsafe extern "C" fn signal(signal: c_int, handler: libc::sighandler_t) -> libc::sighandler_t {
    // SAFETY: an action may consist of zeros.
    let (mut new, mut old): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
    new.sa_sigaction = handler;
    new.sa_flags = libc::SA_RESTART;
    // SAFETY: the set is valid for writing. A number that is no signal changes nothing.
    unsafe { libc::sigaddset(&mut new.sa_mask, signal) };
    // SAFETY: both actions are valid, and the caller answers for the handler.
    match unsafe { sigaction(signal, &new, &mut old) } {
        0 => old.sa_sigaction,
        _ => libc::SIG_ERR,
    }
}
