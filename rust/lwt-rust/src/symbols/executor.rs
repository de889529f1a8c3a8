//! The executor, as the Lwt loop drives it.

use crate::{
    convert::FromOcaml,
    error::Error,
    executor::{self, DomainExecutor},
    ffi::{self, Raw, Root, Val, observe, stub},
};

/// `int -> bool outcome`: attaches the executor of the domain, which is the
/// caller's, to the thread; `false` if it has none.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_attach(domain: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([domain], |lock, [domain]| {
            let domain = i64::from_ocaml(domain.get(lock))?;
            Ok(Root::of_bool(executor::attach(domain)?))
        })
    }
}

/// `int -> notification -> executor -> Obj.t array -> unit outcome`: makes the
/// executor of the domain, which is the caller's.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_create(
    domain: Raw,
    notification: Raw,
    record: Raw,
    completions: Raw,
) -> Raw {
    let arguments = [domain, notification, record, completions];
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub(
            arguments,
            |lock, [domain, notification, record, completions]| {
                if completions.get(lock).size() != DomainExecutor::COMPLETIONS {
                    return Err(Error::message(
                        "the completions array does not have the size that the archive expects",
                    ));
                }
                let domain = i64::from_ocaml(domain.get(lock))?;
                let notification = isize::from_ocaml(notification.get(lock))?;
                executor::create(domain, notification, record, completions)?;
                Ok(Root::UNIT)
            },
        )
    }
}

/// `unit -> int outcome`: runs what is runnable and returns the number of
/// completions that are to be read.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_poll(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            let stored = ffi::executor().map_or(0, |executor| executor.poll(lock));
            Ok(Root::new(Val::from_index(stored)))
        })
    }
}

/// `unit -> bool`, `[@@noalloc]`: whether the executor is owed a poll.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_is_woken(_unit: Raw) -> Raw {
    observe(|| ffi::is_woken().into())
}

/// `unit -> turn`, `[@@noalloc]`: a turn of the loop begins on this thread.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_begin_turn(_unit: Raw) -> Raw {
    observe(|| ffi::begin_turn() as u8)
}

/// `unit -> bool`, `[@@noalloc]`: the turn ends on this thread; whether the
/// executor is owed a poll, for which the caller comes back.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_end_turn(_unit: Raw) -> Raw {
    observe(|| ffi::end_turn().into())
}

/// `unit -> int outcome`: how many notifications were sent.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_notifications(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |_, _| {
            Ok(Root::new(Val::from_index(executor::notifications())))
        })
    }
}

/// `int -> unit outcome`: the call in this slot was cancelled.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_call_cancel(slot: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([slot], |lock, [slot]| {
            let slot = usize::from_ocaml(slot.get(lock))?;
            if let Some(executor) = ffi::executor() {
                executor.cancel(slot);
            }
            Ok(Root::UNIT)
        })
    }
}
