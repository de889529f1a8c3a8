//! Rust sinks, which OCaml fills, and channels.

use std::sync::Arc;

use crate::{
    call::call,
    channel,
    convert::read,
    error::Error,
    fork,
    ocaml::{Lock, Root},
    sink::{Operation, Target, target_of},
    stub::{Raw, stub},
    watch::named,
};

/// `'a sink -> 'a -> bool -> unit call`: waits until the sink has room, and gives it the
/// item. If the flag is true, it flushes the sink after that.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_sink_send(sink: Raw, item: Raw, flushes: Raw) -> Raw {
    let start = |lock: &mut Lock, [sink, item, flushes]: [Raw; 3]| {
        // SAFETY: it is a parameter of this stub, and nothing allocates in OCaml.
        let item = Root::new(unsafe { item.argument(lock) });
        // SAFETY: as above.
        let flushes = read::<bool>(unsafe { flushes.argument(lock) })?;
        // SAFETY: as above.
        unsafe { operation(lock, sink, |sink| sink.send(item, flushes)) }
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. The future is
    // `Send`.
    unsafe { call(named!("Lwt_rust.Sink.send"), [sink, item, flushes], start) }
}

/// `'a sink -> unit call`: waits until all items have arrived.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_sink_flush(sink: Raw) -> Raw {
    // SAFETY: it is the parameter of this stub, and nothing allocates in OCaml.
    let start = |lock: &mut Lock, [sink]: [Raw; 1]| unsafe { operation(lock, sink, Target::flush) };
    // SAFETY: as for `lwt_rust_sink_send`.
    unsafe { call(named!("Lwt_rust.Sink.flush"), [sink], start) }
}

/// `'a sink -> unit call`: waits until all items have arrived, and closes the sink.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_sink_close(sink: Raw) -> Raw {
    // SAFETY: it is the parameter of this stub, and nothing allocates in OCaml.
    let start = |lock: &mut Lock, [sink]: [Raw; 1]| unsafe { operation(lock, sink, Target::close) };
    // SAFETY: as for `lwt_rust_sink_send`.
    unsafe { call(named!("Lwt_rust.Sink.close"), [sink], start) }
}

/// `int option -> ('a sink * 'a stream) outcome`: a channel, with this capacity if there is
/// one.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_channel_create(capacity: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([capacity], |lock, [capacity]| {
            fork::check()?;
            let capacity = read::<Option<isize>>(capacity.get(lock))?;
            let capacity = capacity.map(usize::try_from).transpose()?;
            Ok(Root::new(channel::of_ocaml(lock, capacity)?))
        })
    }
}

/// Begins an operation of the sink that OCaml names.
///
/// # Safety
///
/// As for [`Raw::argument`].
unsafe fn operation(
    lock: &Lock,
    sink: Raw,
    begin: impl FnOnce(Arc<dyn Target>) -> Operation,
) -> Result<Operation, Error> {
    // SAFETY: the caller promises it.
    let sink = target_of(unsafe { sink.argument(lock) });
    sink.map(begin)
        .ok_or_else(|| Error::message("not a sink of Lwt_rust"))
}
