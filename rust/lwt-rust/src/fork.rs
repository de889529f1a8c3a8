//! Whether this process is a fork of one in which Rust was running (rule 13).
//!
//! The threads of tokio are not in the child, and a mutex may be locked by one
//! of them for ever. So nothing of ours does anything in the child: calls are
//! refused, and what OCaml waits for is rejected.

use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;

use crate::error::Error;

static FORKED: AtomicBool = AtomicBool::new(false);

extern "C" fn in_child() {
    FORKED.store(true, Ordering::Relaxed);
}

/// From now on a child counts as forked. What is called here before may be
/// called in a child as well.
///
/// # Errors
///
/// If the system has no memory for it.
pub(crate) fn watch() -> Result<(), Error> {
    static WATCHED: OnceCell<()> = OnceCell::new();
    WATCHED.get_or_try_init(|| {
        // SAFETY: `in_child` does what a handler may do: it writes an atomic.
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
