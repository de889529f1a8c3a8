//! Lwt promises that Rust waits for.

use crate::{
    error::Error,
    ffi::{Lock, Raw, Root, act, keep},
    fork,
    promise::{self, Outcome},
};

/// `'a Lwt.t -> int`, `[@@noalloc]`: a wait for a pending promise begins. Returns its
/// number, or -1 in a domain that runs no Lwt loop, or -2 if there are too many.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_begin(promise: Raw) -> Raw {
    // SAFETY: it is the parameter of this stub.
    unsafe { keep(promise, promise::begin) }
}

/// `int -> unit outcome`: the wait of this number is over before a task knows of it.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_give_up(wait: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([wait], |lock, [wait]| {
            promise::give_up(number(lock, &wait));
            Ok(())
        })
    }
}

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
    let number = number(lock, wait);
    promise::settle(lock, number, outcome);
    Ok(())
}

/// 0 names no wait. Not by a conversion, which takes longer for errors that cannot
/// come here.
fn number(lock: &Lock, wait: &Root) -> u64 {
    wait.get(lock).as_number().unwrap_or_default()
}
