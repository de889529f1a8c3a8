//! Lwt promises that Rust waits for.

use crate::{
    error::Error,
    ffi::{Lock, Raw, Root, act},
    fork,
    promise::{self, Outcome},
};

/// `int -> 'a -> unit outcome`: the promise of this wait was resolved.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_resolve(wait: Raw, value: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([wait, value], |lock, [wait, value]| {
            settle(lock, &wait, Ok(value))
        })
    }
}

/// `int -> exn -> unit outcome`: the promise of this wait was rejected.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_reject(wait: Raw, exception: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([wait, exception], |lock, [wait, exception]| {
            settle(lock, &wait, Err(exception))
        })
    }
}

fn settle(lock: &mut Lock, wait: &Root, outcome: Outcome) -> Result<(), Error> {
    if fork::happened() {
        // What waited has stayed in the other process.
        return Ok(());
    }
    // Not by a conversion, which takes longer for errors that cannot come here.
    let number = wait
        .get(lock)
        .as_int()
        .and_then(|int| u64::try_from(int).ok());
    promise::settle(lock, number.unwrap_or_default(), outcome);
    Ok(())
}
