//! Rust readers and writers, which OCaml uses.

use std::{future::poll_fn, sync::Arc};

use crate::{
    call::call,
    convert::{Buffer, FromOcaml, IntoOcaml, read},
    error::Error,
    fork,
    io::{Device, Part, device_of},
    ocaml::{Lock, Root, Val},
    stub::{Raw, stub},
    watch::named,
};

/// `device -> Lwt_bytes.t -> int -> int -> unit call`: begins to read bytes, or to write
/// those of the buffer, and waits until that is done.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_device_run(device: Raw, buffer: Raw, start: Raw, length: Raw) -> Raw {
    let begin = |lock: &mut Lock, arguments: [Raw; 4]| {
        // SAFETY: they are the parameters of this stub, and nothing allocates in OCaml.
        let [device, part @ ..] = arguments.map(|raw| unsafe { raw.argument(lock) });
        let (device, part) = (find(device)?, self::part(part)?);
        Ok(poll_fn(move |context| {
            device.poll_run(&part, context).map(Ok::<_, Error>)
        }))
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. The future is
    // `Send`.
    unsafe {
        call(
            named!("a channel of Lwt_io"),
            [device, buffer, start, length],
            begin,
        )
    }
}

/// `device -> Lwt_bytes.t -> int -> int -> int outcome`: takes the result of what was done:
/// puts bytes that were read into the buffer. Returns the number of bytes.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_device_take(device: Raw, buffer: Raw, start: Raw, length: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub(
            [device, buffer, start, length],
            |lock, [device, part @ ..]| {
                fork::check()?;
                let device = find(device.get(lock))?;
                let part = self::part(part.each_ref().map(|root| root.get(lock)))?;
                Ok(Root::new(device.take(&part)?.into_ocaml(lock)?))
            },
        )
    }
}

/// `device -> unit call`: closes it.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_device_close(device: Raw) -> Raw {
    let begin = |lock: &mut Lock, [device]: [Raw; 1]| {
        // SAFETY: it is the parameter of this stub, and nothing allocates in OCaml.
        let device = find(unsafe { device.argument(lock) })?;
        Ok(device.close())
    };
    // SAFETY: as for `lwt_rust_device_run`.
    unsafe { call(named!("Lwt_io.close"), [device], begin) }
}

fn find(device: Val<'_>) -> Result<Arc<dyn Device>, Error> {
    device_of(device).ok_or_else(|| Error::message("not a reader or writer of Lwt_rust"))
}

fn part([buffer, start, length]: [Val<'_>; 3]) -> Result<Part, Error> {
    // SAFETY: a value that is no array of bytes gives an error.
    let buffer = unsafe { Buffer::from_ocaml(buffer) }?;
    let (start, length) = (read::<usize>(start)?, read::<usize>(length)?);
    match start.checked_add(length) {
        Some(end) if end <= buffer.len() => Ok(Part {
            buffer,
            start,
            length,
        }),
        Some(_) | None => Err(Error::message("not a part of the buffer")),
    }
}
