//! Calls, and the asynchronous functions that are our own.

use std::time::Duration;

use crate::{
    call,
    closure::LwtFn,
    convert::{FromOcaml, read},
    error::Error,
    executor::{self, Handle},
    ffi::{self, Lock, Raw, Root, Val, enter},
    fork,
};

/// `int -> actions`: the call in this slot was cancelled.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_cancel(slot: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe { enter(|lock| cancel(lock, slot)) }
}

fn cancel(lock: &mut Lock, slot: Raw) -> Result<Val<'_>, Error> {
    // SAFETY: it is the parameter of the stub that was called just now.
    let slot = read::<usize>(unsafe { slot.argument(lock) })?;
    if fork::happened() {
        return Ok(Val::UNIT);
    }
    let executor = match ffi::executor() {
        Some(executor) => executor,
        // Any systhread of the domain may cancel before it calls.
        None => executor::attached(lock)?,
    };
    executor.cancel(lock, slot);
    Ok(executor.hand_over(lock, false))
}

/// `float -> unit call`: ends when all other calls have, or after this time.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_drain(seconds: Raw) -> Raw {
    let start = |lock: &mut Lock, [seconds]: [Raw; 1]| {
        // SAFETY: it is the parameter of this stub.
        let seconds = unsafe { seconds.argument(lock) };
        let limit = Duration::try_from_secs_f64(read(seconds)?)?;
        Ok(async move {
            if let Some(executor) = ffi::executor() {
                let ended = executor.others_have_ended();
                // Which of the two, the caller need not know.
                let _ = tokio::time::timeout(limit, ended).await;
            }
            Ok::<_, Error>(())
        })
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. What the future
    // has is the executor's, which threads of the domain touch with its lock.
    unsafe { call([seconds], start) }
}

/// `(unit -> 'a Lwt.t) -> 'a call`: what a function gives that is called in the
/// domain of the Lwt loop.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_in_lwt(function: Raw) -> Raw {
    let start = |lock: &mut Lock, [function]: [Raw; 1]| {
        // SAFETY: it is the parameter of this stub.
        let function = unsafe { function.argument(lock) };
        // SAFETY: `raw.ml` declares it as such a function.
        let function = unsafe { LwtFn::<(), Root>::from_ocaml(function) }?;
        let lwt = Handle::of_lwt().ok_or_else(|| {
            Error::message(
                "no domain runs the Lwt loop for Rust: call Lwt_rust.Runtime.start there first",
            )
        })?;
        Ok(async move { function.in_domain(lwt).call(()).await })
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. The future is
    // `Send`.
    unsafe { call([function], start) }
}
