//! Lwt promises that Rust waits for.

use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    ffi::{self, Lock, Raw, Root, stub},
    fork,
    promise::{Sink, end},
};

/// `int -> 'a -> unit outcome`: the promise of this wait was resolved.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_resolve(wait: Raw, value: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([wait, value], |lock, [wait, value]| {
            settle(lock, &wait, |lock, sink| sink.resolve(value.get(lock)))
        })
    }
}

/// `int -> exn -> unit outcome`: the promise of this wait was rejected.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_reject(wait: Raw, exception: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([wait, exception], |lock, [wait, exception]| {
            settle(lock, &wait, |lock, sink| {
                sink.reject(Exception::new(lock, exception))
            })
        })
    }
}

fn settle(
    lock: &mut Lock,
    wait: &Root,
    with: impl FnOnce(&mut Lock, &dyn Sink),
) -> Result<Root, Error> {
    if fork::happened() {
        // What waited has stayed in the other process.
        return Ok(Root::UNIT);
    }
    let number = u64::from_ocaml(wait.get(lock))?;
    // A wait that Rust has given up is gone, and so is one that was settled.
    if let Some(sink) = end(number) {
        with(lock, &*sink);
        if let Some(executor) = ffi::executor() {
            executor.ensure_woken();
        }
    }
    Ok(Root::UNIT)
}
