//! The archive of a program that has no Rust of its own: it has only the stubs of
//! `Lwt_rust`.

pub use lwt_rust::*;
