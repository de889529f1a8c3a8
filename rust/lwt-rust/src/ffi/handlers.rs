//! The handlers of signals that Rust code sets.
//!
//! OCaml 5 runs fibers on stacks of their own, which are small. A handler that a crate
//! sets, as tokio does for `tokio::signal`, runs on the stack that is in use, unless its
//! flags say that it has another: on a fiber's it would overwrite what is there. OCaml
//! gives each of its threads a stack for handlers. So this function stands before the C
//! library's, in a program with our archive, and sees to it that handlers use that one.
//! In bytecode fibers have no such stack; in the dynamic library it goes unused.

use std::ffi::c_int;

unsafe extern "C" {
    /// The C library's `sigaction`, by the other name that it has in glibc.
    fn __sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int;
}

/// As the C library's, but a handler runs on the stack that its thread has for handlers,
/// if it has one. Any thread may call it, and a handler too.
///
/// # Safety
///
/// As for the C library's.
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
    // SAFETY: `new` is null or a valid action, and the caller says so of `old`.
    unsafe { __sigaction(signal, new, old) }
}
