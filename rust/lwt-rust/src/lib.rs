//! OCaml's Lwt and Rust's async, each awaiting the other.
//!
//! OCaml calls a Rust `async fn` and gets a Lwt promise: see [`func`]. The function runs as
//! a task of the calling domain. The task holds the domain's lock and is in tokio's
//! context, so it may use OCaml values, and tokio's I/O and timers. In Rust, an OCaml
//! promise is a [`Promise`], and an OCaml function that returns one is a [`LwtFn`]: the
//! task calls and awaits them.
//!
//! | item | meaning |
//! | --- | --- |
//! | [`func`] | makes a function callable from OCaml |
//! | [`library!`] | names the functions of a crate that OCaml gets |
//! | [`export!`] | makes `async fn`s callable under names that you choose |
//! | [`Promise`], [`Resolver`] | a value that will come, and the end that settles it |
//! | [`PortablePromise`] | a promise that any OCaml domain may settle |
//! | [`LwtFn`], [`Closure`] | an OCaml function that returns a Lwt promise, and any other |
//! | [`spawn`], [`spawn_local`], [`Task`] | tasks of a domain, which may call OCaml |
//! | [`spawn_scoped`], [`spawn_blocking`] | tasks and functions on tokio's threads |
//! | [`Handle`], [`DomainExecutor`] | a domain, for any thread, and for its own tasks |
//! | [`with_lock`], [`Lock`], [`Val`], [`Root`] | OCaml values |
//! | [`FromOcaml`], [`IntoOcaml`] | types that cross the boundary |
//! | [`Error`] | why a promise was rejected |
//! | [`runtime`] | the tokio runtime |
//!
//! A crate that uses this one is built as a static and a dynamic library, which contain the
//! stubs of `Lwt_rust` too. A program links exactly one such archive.

#[cfg(not(panic = "unwind"))]
compile_error!(
    "a panic has to become an OCaml exception, so it has to unwind: remove `panic = \"abort\"` from \
     the profile in Cargo.toml"
);

// The macros name this crate in the way in which its users do.
extern crate self as lwt_rust;

pub mod bindings;
mod bound;
mod call;
mod callbacks;
mod closure;
mod convert;
mod domain;
mod error;
#[doc(hidden)]
pub mod expansion;
mod fork;
mod lwt_loop;
mod ocaml;
mod on_tokio;
mod promise;
pub mod runtime;
mod stub;
mod symbols;

pub use bindings::library;
pub use call::{call, call_protected};
pub use closure::{Closure, LwtFn};
pub use convert::{
    Abstract, AbstractType, Buffer, Char, FromOcaml, IntoOcaml, OcamlType, Poly, Taken, Variable,
    vars,
};
pub use domain::{DomainExecutor, Handle, Task, spawn, spawn_local};
pub use error::{Error, Exception, Failure, Panic};
pub use lwt_rust_macros::{AbstractType, FromOcaml, IntoOcaml, OcamlType, func};
pub use ocaml::{Lock, NoMemory, Root, Val, try_with_lock, with_lock};
pub use on_tokio::{spawn_blocking, spawn_scoped};
pub use promise::{PortablePromise, Promise, Resolver};
pub use stub::Raw;
