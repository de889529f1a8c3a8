//! Promises that OCaml makes.

use std::sync::Arc;

use crate::{
    error::{Error, Exception},
    fork,
    ocaml::{Lock, Root},
    promise::{self, Relay, Settlement, promise_of},
    stub::{Raw, stub},
};

/// `unit -> 'a promise outcome`
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_promise_create(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            fork::check()?;
            Ok(Root::new(promise::create(lock)))
        })
    }
}

/// `'a promise -> 'a -> bool outcome`: `false` if it was settled before.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_promise_resolve(promise: Raw, value: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([promise, value], |lock, [promise, value]| {
            let relay = relay(lock, &promise)?;
            Ok(settle(lock, &relay, Settlement::Resolved(value)))
        })
    }
}

/// `'a promise -> shown -> bool outcome`: `false` if it was settled before.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_promise_reject(promise: Raw, shown: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([promise, shown], |lock, [promise, shown]| {
            let relay = relay(lock, &promise)?;
            let exception = Exception::read(shown.get(lock))?;
            Ok(settle(lock, &relay, Settlement::Rejected(exception)))
        })
    }
}

fn settle(lock: &Lock, relay: &Relay, settlement: Settlement) -> Root {
    let is_first = relay.settle(lock, settlement);
    Root::of_bool(is_first)
}

fn relay(lock: &Lock, promise: &Root) -> Result<Arc<Relay>, Error> {
    fork::check()?;
    promise_of(promise.get(lock)).ok_or_else(|| Error::message("not a promise of Lwt_rust"))
}
