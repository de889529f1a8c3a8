//! Calls, and our own asynchronous functions.

use std::time::Duration;

use crate::{
    call::call,
    closure::LwtFn,
    convert::{FromOcaml, read},
    domain::{self, DomainExecutor, Handle},
    error::Error,
    fork,
    ocaml::{Lock, Root, Val},
    stub::{Raw, enter, keep},
    watch::named,
};

/// `int -> actions`: OCaml has cancelled the call in this slot.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_cancel(slot: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe { enter(|lock| cancel(lock, slot)) }
}

fn cancel(lock: &mut Lock, slot: Raw) -> Result<Val<'_>, Error> {
    // SAFETY: `slot` is the parameter of the stub that was called just now.
    let slot = read::<usize>(unsafe { slot.argument(lock) })?;
    if fork::happened() {
        return Ok(Val::UNIT);
    }
    let executor = match domain::here() {
        Some(executor) => executor,
        // A systhread of the domain may cancel a call before it makes any.
        None => domain::attached(lock)?,
    };
    let before = executor.actions_left();
    executor.cancel(lock, slot);
    Ok(executor.hand_over_own(lock, before))
}

/// `int -> bool`, `[@@noalloc]`: whether the call in this slot has not completed.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_is_pending(slot: Raw) -> Raw {
    let is_pending = |[slot]: [Val<'_>; 1]| {
        let slot = slot.as_int().and_then(|slot| usize::try_from(slot).ok());
        let executor = domain::here();
        let is_it =
            |executor: &DomainExecutor| slot.is_some_and(|slot| executor.is_call_pending(slot));
        u8::from(executor.is_some_and(is_it))
    };
    // SAFETY: it is the parameter of this stub.
    unsafe { keep([slot], is_pending) }
}

/// `float -> unit call`: ends when all other calls have ended, or after this time in
/// seconds.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_drain(seconds: Raw) -> Raw {
    let start = |lock: &mut Lock, [seconds]: [Raw; 1]| {
        // SAFETY: it is the parameter of this stub.
        let seconds = unsafe { seconds.argument(lock) };
        let limit = Duration::try_from_secs_f64(read(seconds)?)?;
        Ok(async move {
            if let Some(executor) = domain::here() {
                let ended = executor.others_have_ended();
                // The caller need not know which of the two has happened.
                let _ = tokio::time::timeout(limit, ended).await;
            }
            Ok::<_, Error>(())
        })
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. The future shares
    // only parts of the executor, which threads of the domain touch with its lock.
    unsafe { call(named!("Lwt_rust.Runtime.shutdown"), [seconds], start) }
}

/// `(unit -> 'a Lwt.t) -> 'a call`: calls the function in the domain of the Lwt loop, and
/// ends with the result of its promise.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_in_lwt(function: Raw) -> Raw {
    let start = |lock: &mut Lock, [function]: [Raw; 1]| {
        // SAFETY: it is the parameter of this stub.
        let function = unsafe { function.argument(lock) };
        // SAFETY: `raw.ml` declares the argument as a function of that type.
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
    unsafe { call(named!("Lwt_rust.Executor.run_in_lwt"), [function], start) }
}
