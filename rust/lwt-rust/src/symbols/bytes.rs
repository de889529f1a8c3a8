//! Bytes that OCaml and Rust share.

use crate::{
    convert::{Buffer, FromOcaml, IntoOcaml, SharedBytes, part_of_shared, read, shared_into_ocaml},
    error::Error,
    ocaml::{Root, Val},
    stub::{Raw, act, stub},
};

/// `'source -> int -> int -> shared outcome`: copies bytes of a string, or of an array of
/// `Bigarray`.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_bytes_share(source: Raw, start: Raw, length: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([source, start, length], |lock, [source, start, length]| {
            let start = read::<usize>(start.get(lock))?;
            let length = read::<usize>(length.get(lock))?;
            let source = source.get(lock);
            let bytes = match source.bytes_of(start, length) {
                Some(bytes) => bytes,
                None => {
                    let buffer = part(source, start, length)?;
                    let mut bytes = Vec::new();
                    // An array may be a large file that is mapped.
                    if bytes.try_reserve_exact(length).is_err() {
                        let message = format!("there is no memory for a copy of {length} bytes");
                        return Err(Error::message(message));
                    }
                    bytes.resize(length, 0);
                    buffer.read(start, &mut bytes);
                    bytes
                }
            };
            Ok(Root::new(shared_into_ocaml(bytes.into(), lock)))
        })
    }
}

/// `shared -> int -> 'target -> int -> int -> unit outcome`: copies bytes into a `bytes`, or
/// into an array of `Bigarray`.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_bytes_copy(
    shared: Raw,
    start: Raw,
    target: Raw,
    target_start: Raw,
    length: Raw,
) -> Raw {
    let arguments = [shared, start, target, target_start, length];
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act(arguments, |lock, arguments| {
            let [shared, start, target, target_start, length] =
                arguments.each_ref().map(|root| root.get(lock));
            let bytes = part_of_shared(shared, start, length)?;
            let start = read::<usize>(target_start)?;
            if !target.write_bytes(start, &bytes) {
                part(target, start, bytes.len())?.write(start, &bytes);
            }
            Ok(())
        })
    }
}

/// `Lwt_rust.Bytes.t -> Lwt_rust.Bytes.t -> int outcome`: negative, 0 or positive.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_bytes_compare(one: Raw, other: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([one, other], |lock, arguments| {
            let [one, other] = arguments.each_ref().map(|root| root.get(lock));
            let (one, other) = (read::<SharedBytes>(one)?, read::<SharedBytes>(other)?);
            let order = one[..].cmp(&other[..]) as i64;
            Ok(Root::new(order.into_ocaml(lock)?))
        })
    }
}

/// An array of `Bigarray` that has `length` bytes from position `start` on.
fn part(array: Val<'_>, start: usize, length: usize) -> Result<Buffer, Error> {
    // SAFETY: a value that is no array of bytes gives an error.
    let buffer = unsafe { Buffer::from_ocaml(array) }?;
    let all = buffer.len();
    match start <= all && length <= all - start {
        true => Ok(buffer),
        false => Err(Error::message("not a part of the buffer")),
    }
}
