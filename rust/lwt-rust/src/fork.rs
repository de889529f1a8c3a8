//! Whether this process was forked from one in which Rust was running (rule 13).
//!
//! The threads of tokio are not in the child, and one of them may have locked a mutex,
//! which stays locked for ever. So our code does nothing in the child: stubs refuse calls,
//! and the promises that OCaml waits for are rejected.

use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;

use crate::error::Error;

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
pub(crate) fn watch() -> Result<(), Error> {
    static WATCHED: OnceCell<()> = OnceCell::new();
    WATCHED.get_or_try_init(|| {
        // SAFETY: `in_child` does only such things as a handler may do: it writes an
        // atomic.
        match unsafe { libc::pthread_atfork(None, None, Some(in_child)) } {
            0 => Ok(()),
            errno => Err(std::io::Error::from_raw_os_error(errno)),
        }
    })?;
    Ok(())
}

pub(crate) fn happened() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// # Errors
///
/// In a child.
pub(crate) fn check() -> Result<(), Error> {
    if happened() {
        return Err(Error::message(
            "this process was forked from one in which asynchronous Rust functions were \
             called, and their threads are not in it: fork before the first call, or start \
             another program (Lwt_process)",
        ));
    }
    Ok(())
}
