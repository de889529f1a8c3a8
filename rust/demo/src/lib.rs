//! The Rust functions of the programs in `examples/`.

mod greeting;
mod lines;
mod proof;

// The archive of a program contains the stubs of `Lwt_rust` too.
pub use lwt_rust::*;
