//! The Rust functions that the tests in `test/` call, one file a property.

mod calls;
mod cancellation;
mod closures;
mod domains;
mod errors;
mod threads;

// The archive of a program contains the stubs of `Lwt_rust` too.
pub use lwt_rust::*;
