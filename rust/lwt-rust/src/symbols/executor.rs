//! The executor, as the loop that drives it sees it.

use std::{os::fd::IntoRawFd, sync::Arc};

use crate::{
    convert::read,
    error::{self, Error},
    executor::{self, DomainExecutor, DomainLife},
    ffi::{
        self, Content, Lock, Raw, Root, Status, TURN_OF_LWT, Val, act, content_value, enter,
        observe, stub,
    },
    fork,
};

/// `int -> bool -> bool outcome`: attaches the executor of the domain, which is
/// the caller's, to the thread; `false` if it has none and may have one, which is
/// driven by the Lwt loop or not.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_attach(domain: Raw, by_lwt: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([domain, by_lwt], |lock, [domain, by_lwt]| {
            fork::check()?;
            let domain = read::<i64>(domain.get(lock))?;
            let by_lwt = read::<bool>(by_lwt.get(lock))?;
            Ok(Root::of_bool(executor::attach(domain, by_lwt)?))
        })
    }
}

/// `int -> notification option -> executor -> Obj.t array -> Unix.file_descr
/// option outcome`: makes the executor of the domain, which is the caller's. One
/// without a notification is woken through the descriptor, which is the caller's
/// to close.
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
                let domain = read::<i64>(domain.get(lock))?;
                let notification = read(notification.get(lock))?;
                let socket = executor::create(domain, notification, record, completions)?;
                Ok(match socket {
                    None => Root::UNIT,
                    Some(socket) => {
                        let descriptor = Val::int(socket.into_raw_fd().into());
                        let descriptor = descriptor.ok_or(Error::Abandoned)?;
                        Root::new(lock.block(0, &[&Root::new(descriptor)]))
                    }
                })
            },
        )
    }
}

/// `unit -> Obj.t outcome`: what the domain keeps in its own storage, and nowhere
/// else, for its executor to be used again when the domain is gone.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_life(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            let executor = ffi::executor().ok_or(Error::Abandoned)?;
            let life = Content::new(Arc::new(DomainLife::new(executor)));
            Ok(Root::new(content_value(lock, life, DomainLife::SIZE)))
        })
    }
}

/// Added to the completions of a poll if there are panics to report.
const PANICS: usize = 1 << 16;

/// `unit -> polled`: runs what is runnable and returns the number of completions
/// that are to be read, and `PANICS` if there are panics to report.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_poll(_unit: Raw) -> Raw {
    let poll = |lock: &mut Lock| {
        let Some(executor) = ffi::executor() else {
            return Ok(0);
        };
        if executor::is_shut_down() && !executor.shared().is_closed() {
            return Err(Error::Abandoned);
        }
        let stored = executor.poll(lock);
        let has_panics = executor.is_of_lwt() && error::has_reports();
        Ok(stored + if has_panics { PANICS } else { 0 })
    };
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        enter(|lock| match poll(lock)? {
            0 => Ok(Val::UNIT),
            stored => {
                let stored = Root::new(Val::from_index(stored));
                Ok(lock.block(Status::Ready as u8, &[&stored]))
            }
        })
    }
}

/// `unit -> bool`, `[@@noalloc]`: whether the executor is owed a poll.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_is_woken(_unit: Raw) -> Raw {
    observe(|| ffi::is_woken().into())
}

/// `unit -> turn outcome`: the turns of the Lwt loop.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_lwt_turn(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe { stub([unit], |lock, _| Ok(Root::new(lock.turn(&TURN_OF_LWT)))) }
}

/// `unit -> begun`, `[@@noalloc]`: a turn of a Lwt loop begins on this thread.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_begin_turn(_unit: Raw) -> Raw {
    observe(|| ffi::begin_turn() as u8)
}

/// `unit -> unit`, `[@@noalloc]`: the loop of a domain that is not driven by Lwt begins
/// on this thread.
// Once in a call that blocks, so it is kept away from what each turn calls.
#[cold]
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_begin_run(_unit: Raw) -> Raw {
    observe(|| {
        ffi::begin_run();
        0
    })
}

/// `unit -> bool`, `[@@noalloc]`: the turn ends on this thread; whether the
/// executor is owed a poll, for which the caller comes back.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_end_turn(_unit: Raw) -> Raw {
    observe(|| ffi::end_turn().into())
}

/// `unit -> bool`, `[@@noalloc]`: as `lwt_rust_executor_end_turn`, but if the
/// executor is owed a poll, the turn goes on.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_finish_turn(_unit: Raw) -> Raw {
    observe(|| ffi::finish_turn().into())
}

/// `unit -> unit`, `[@@noalloc]`: there is something for the loop to see at the end of
/// its turn.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_tell_turn(_unit: Raw) -> Raw {
    observe(|| {
        ffi::tell_turn();
        0
    })
}

/// `unit -> unit outcome`: ends all tasks of the domain's executor. Does nothing
/// if there is none.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_close(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([unit], |lock, _| {
            if let Some(executor) = ffi::executor() {
                executor.close(lock)?;
            }
            Ok(())
        })
    }
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
