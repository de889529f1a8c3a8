//! Backtraces.

use crate::{
    error::{Error, Trace},
    ffi::{Raw, stub},
    fork,
};

/// `backtrace -> string outcome`: the text. The names of the frames are found now.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_backtrace_show(backtrace: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([backtrace], |lock, [backtrace]| {
            // At the fork another thread may have been finding names, with a mutex held.
            fork::check()?;
            let trace = Trace::read(backtrace.get(lock))
                .ok_or_else(|| Error::message("not a backtrace of Lwt_rust"))?;
            Ok(lock.text(&trace.to_string()))
        })
    }
}
