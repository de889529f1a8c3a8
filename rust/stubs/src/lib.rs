//! The stubs of `Lwt_rust` and nothing else.

pub use lwt_rust::*;
