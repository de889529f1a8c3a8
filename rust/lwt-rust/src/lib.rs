//! OCaml's Lwt and Rust's async, each awaiting the other.
//!
//! OCaml calls a Rust `async fn` and gets a Lwt promise: [`export!`]. The
//! function runs as a task of the calling domain, with the domain's lock held
//! and tokio's context entered, so it may use OCaml values and tokio's I/O and
//! timers. OCaml promises and closures that it is given are a [`Promise`] and a
//! [`LwtFn`], to be called and awaited.
//!
//! | item | what it is |
//! | --- | --- |
//! | [`export!`] | makes `async fn`s callable from OCaml |
//! | [`Promise`], [`Resolver`] | a value that will come, and what settles it |
//! | [`LwtFn`] | an OCaml function that returns a Lwt promise |
//! | [`DomainExecutor`], [`Handle`] | where tasks run: `spawn_local`, `spawn` |
//! | [`spawn_scoped`] | a task of tokio's that ends with what awaits it |
//! | [`with_lock`], [`Lock`], [`Val`], [`Root`] | OCaml values |
//! | [`FromOcaml`], [`IntoOcaml`] | types that cross the boundary |
//! | [`Error`] | why a promise was rejected |
//! | [`runtime`] | the tokio runtime |
//!
//! A crate that uses this one is built as a static and a dynamic library that
//! contains the stubs of `Lwt_rust` too; one such archive is linked into a
//! program.

#[cfg(not(panic = "unwind"))]
compile_error!(
    "a panic has to become an OCaml exception, so it has to unwind: remove `panic = \"abort\"` from \
     the profile in Cargo.toml"
);

// The macros name this crate as its users do.
extern crate self as lwt_rust;

pub mod bindings;
mod bound;
mod call;
mod callbacks;
mod closure;
mod convert;
mod error;
mod executor;
mod ffi;
mod fork;
mod promise;
pub mod runtime;
mod symbols;

pub use bindings::library;
pub use call::{call, call_protected};
pub use closure::{Closure, LwtFn};
pub use convert::{
    Abstract, AbstractType, Buffer, Char, FromOcaml, IntoOcaml, OcamlType, Poly, Taken, Variable,
    vars,
};
pub use error::{Error, Exception, Failure, Panic};
pub use executor::{DomainExecutor, Handle, LocalTask, Task};
pub use ffi::{Lock, Raw, Root, Val, try_with_lock, with_lock};
pub use lwt_rust_macros::{AbstractType, FromOcaml, IntoOcaml, OcamlType, func};
pub use promise::{Promise, Resolver};
pub use runtime::{Scoped, spawn_blocking, spawn_scoped};
