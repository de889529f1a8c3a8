//! Registration of the OCaml functions that Rust calls.

use crate::{
    callbacks,
    error::Panic,
    ffi::{Raw, act, keep_orphans},
};

/// `callbacks -> unit outcome`
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_callbacks_register(record: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([record], |lock, [record]| {
            Panic::install_hook();
            keep_orphans(lock);
            callbacks::register(record.get(lock))?;
            Ok(())
        })
    }
}
