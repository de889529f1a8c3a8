//! Rust streams, which OCaml pulls.

use std::sync::Arc;

use crate::{
    call::call,
    convert::read,
    error::Error,
    fork,
    ocaml::{Lock, Root, Val},
    stream::{Pull, Source, source_of},
    stub::{Raw, act},
    watch::named,
};

/// `'a stream -> int -> 'a chunk -> unit call`: puts at least one item into the chunk, and
/// at most so many, or ends it.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_stream_pull(stream: Raw, most: Raw, chunk: Raw) -> Raw {
    let start = |lock: &mut Lock, [stream, most, chunk]: [Raw; 3]| {
        // SAFETY: they are the parameters of this stub, and nothing allocates in OCaml.
        let [stream, most, chunk] = [stream, most, chunk].map(|raw| unsafe { raw.argument(lock) });
        let most = read::<usize>(most)?;
        Ok(Pull::new(source(stream)?, most, Root::new(chunk)))
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. The future is
    // `Send`.
    unsafe { call(named!("Lwt_rust.Stream.next"), [stream, most, chunk], start) }
}

/// `'a stream -> unit outcome`: drops the stream.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_stream_close(stream: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([stream], |lock, [stream]| {
            fork::check()?;
            let source = source(stream.get(lock))?;
            lock.lend(|| source.close());
            Ok(())
        })
    }
}

fn source(stream: Val<'_>) -> Result<Arc<Source>, Error> {
    source_of(stream).ok_or_else(|| Error::message("not a stream of Lwt_rust"))
}
