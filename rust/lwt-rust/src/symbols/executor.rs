//! The functions by which a loop drives an executor.

use std::{os::fd::IntoRawFd, sync::Arc};

use crate::{
    convert::{Content, read},
    domain::{self, DomainLife},
    error::Error,
    fork,
    ocaml::{Root, Val},
    stub::{Raw, enter, observe, stub},
};

/// `int -> bool -> bool outcome`: attaches the executor of the caller's domain to the
/// thread. `false` if the domain has no executor and may create one. The flag says whether
/// the Lwt loop is to drive it.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_attach(domain: Raw, by_lwt: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([domain, by_lwt], |lock, [domain, by_lwt]| {
            fork::check()?;
            let domain = read::<isize>(domain.get(lock))? as i64;
            let by_lwt = read::<bool>(by_lwt.get(lock))?;
            Ok(Root::of_bool(domain::attach(domain, by_lwt)?))
        })
    }
}

/// `int -> notification option -> executor -> Unix.file_descr option outcome`: makes the
/// executor of the caller's domain. Without a notification, the result is the descriptor on
/// which the domain is told to poll. The caller has to close it.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_create(domain: Raw, notification: Raw, record: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub(
            [domain, notification, record],
            |lock, [domain, notification, record]| {
                let domain = read::<isize>(domain.get(lock))? as i64;
                let notification = read(notification.get(lock))?;
                Ok(match domain::create(domain, notification, record)? {
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

/// `Unix.file_descr option -> Obj.t outcome`: the value that the domain keeps in its own
/// storage, and nowhere else. When the collector finds that the domain is gone, another
/// domain may use the executor. If the domain has not closed the executor, the descriptor
/// is closed then.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_life(socket: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([socket], |lock, [socket]| {
            let executor = domain::here().ok_or(Error::Abandoned)?;
            let socket = read::<Option<isize>>(socket.get(lock))?;
            let socket = socket.map(i32::try_from).transpose()?;
            let life = Content::new(Arc::new(DomainLife::new(executor, socket)));
            Ok(Root::new(life.into_ocaml(lock, DomainLife::SIZE)))
        })
    }
}

/// `unit -> actions`: runs runnable tasks, and gives the actions that are left for OCaml.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_poll(_unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        enter(|lock| {
            let Some(executor) = domain::here() else {
                return Ok(Val::UNIT);
            };
            if domain::is_shut_down() && !executor.shared().is_closed() {
                return Err(Error::Abandoned);
            }
            Ok(executor.poll(lock))
        })
    }
}

/// `unit -> bool`, `[@@noalloc]`: whether the executor is owed a poll.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_is_woken(_unit: Raw) -> Raw {
    observe(|| domain::is_woken().into())
}

/// `unit -> begun`, `[@@noalloc]`: a turn of a Lwt loop begins on this thread.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_begin_turn(_unit: Raw) -> Raw {
    observe(|| domain::begin_turn() as u8)
}

/// `unit -> begun`, `[@@noalloc]`: the same, on a thread that need not be the loop's.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_look(_unit: Raw) -> Raw {
    observe(|| domain::look() as u8)
}

/// `unit -> bool`, `[@@noalloc]`: whether the loop has begun its last turn on this thread.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_is_thread_of_loop(_unit: Raw) -> Raw {
    observe(|| domain::is_thread_of_loop().into())
}

/// `unit -> bool`, `[@@noalloc]`: whether another thread of the domain runs the loop.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_is_beside_the_loop(_unit: Raw) -> Raw {
    observe(|| domain::is_beside_the_loop().into())
}

/// `unit -> unit`, `[@@noalloc]`: tells the domain of the calling thread to poll.
// Called seldom, so it is kept away from the functions that each turn calls.
#[cold]
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_tell(_unit: Raw) -> Raw {
    observe(|| {
        if let Some(executor) = domain::here() {
            executor.shared().tell();
        }
        0
    })
}

/// `unit -> actions`: ends all tasks of the domain's executor. Does nothing if there
/// is none.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_executor_close(_unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        enter(|lock| match domain::here() {
            Some(executor) => Ok(executor.close(lock).get(lock)),
            None => Ok(Val::UNIT),
        })
    }
}
