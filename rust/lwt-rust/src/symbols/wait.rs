//! Lwt promises that Rust waits for.

use crate::{
    convert,
    domain::{self, Awaited, Outcome},
    error::Error,
    ocaml::{Lock, Root, Val},
    stub::{Raw, enter, keep},
};

/// `wait -> 'promise -> bool -> begun`, `[@@noalloc]`: OCaml has the promise that it was
/// asked for, and the promise is pending. The flag is `is_removable` of `Awaited`.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_promised(wait: Raw, promise: Raw, is_removable: Raw) -> Raw {
    // SAFETY: they are the parameters of this stub.
    unsafe {
        keep(
            [wait, promise, is_removable],
            |[wait, promise, is_removable]| {
                let awaited = Awaited {
                    promise: Root::new(promise),
                    is_removable: is_removable.as_int() == Some(1),
                };
                domain::promised(number(wait), awaited) as u8
            },
        )
    }
}

/// `wait -> 'a -> bool -> actions`: the promise of this wait was resolved. The flag says
/// whether the wait belongs to the domain of the calling thread.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_resolve(wait: Raw, value: Raw, is_here: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe { settle([wait, value, is_here], Ok) }
}

/// `wait -> shown -> bool -> actions`: the promise of this wait was rejected.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_wait_reject(wait: Raw, shown: Raw, is_here: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe { settle([wait, shown, is_here], Err) }
}

/// # Safety
///
/// As for [`enter`], and `arguments` are the parameters of that function.
unsafe fn settle(arguments: [Raw; 3], outcome: impl FnOnce(Root) -> Outcome) -> Raw {
    let read = |lock: &Lock| -> Result<_, Error> {
        // SAFETY: they are parameters of the stub, and making a root allocates nothing
        // in OCaml.
        let [wait, value, is_here] = arguments.map(|raw| unsafe { raw.argument(lock) });
        let (wait, is_here) = (number(wait), convert::read::<bool>(is_here)?);
        Ok((wait, outcome(Root::new(value)), is_here))
    };
    // SAFETY: the caller promises it.
    unsafe {
        enter(|lock| {
            let (wait, outcome, is_here) = read(lock)?;
            Ok(domain::settle(lock, wait, outcome, is_here))
        })
    }
}

/// The number of a wait; 0, which names no wait, for another value. A conversion would take
/// longer, for errors that cannot happen here.
fn number(wait: Val<'_>) -> u64 {
    wait.as_number().unwrap_or_default()
}
