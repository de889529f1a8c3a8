//! Registration of the OCaml functions that Rust calls.

use crate::{
    callbacks::{COUNT, register},
    error::{Error, Panic},
    ocaml::keep_orphans,
    stub::{Raw, act},
};

/// `callbacks -> unit outcome`
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_callbacks_register(record: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([record], |lock, [record]| {
            Panic::install_hook();
            keep_orphans(lock);
            register(record.get(lock)).map_err(|found| {
                Error::message(format!(
                    "the module Lwt_rust registered {found} callbacks where its archive knows \
                     {COUNT}: they are of different versions, so build both again"
                ))
            })
        })
    }
}
