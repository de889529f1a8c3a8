//! Whether this process was forked from one in which Rust was running (rule 13).
//!
//! The threads of tokio are not in the child, and one of them may have locked a mutex,
//! which stays locked for ever. So our code does nothing in the child: stubs refuse calls,
//! and the promises that OCaml waits for are rejected.

use std::{
    fmt, io,
    sync::atomic::{AtomicBool, Ordering},
};

use once_cell::sync::OnceCell;

static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_child() {
    FORKED.store(true, Ordering::Relaxed);
}

/// Makes a child that is forked from now on count as forked. A program that forks before
/// this may use Rust in the child.
///
/// # Errors
///
/// If the system has no memory for the handler.
pub(crate) fn watch() -> io::Result<()> {
    static WATCHED: OnceCell<()> = OnceCell::new();
    WATCHED
        .get_or_try_init(|| {
            // SAFETY: `in_child` does only such things as a handler may do: it writes an
            // atomic.
            match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
                0 => Ok(()),
                errno => Err(io::Error::from_raw_os_error(errno)),
            }
        })
        .copied()
}

pub(crate) fn happened() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// The error of a call in a child.
#[derive(Debug)]
pub(crate) struct Forked;

impl std::error::Error for Forked {}

impl fmt::Display for Forked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this process was forked from one in which asynchronous Rust functions were called, \
             and their threads are not in it: fork before the first call, or start another \
             program (Lwt_process)",
        )
    }
}

/// # Errors
///
/// In a child.
pub(crate) fn check() -> Result<(), Forked> {
    if happened() { Err(Forked) } else { Ok(()) }
}
