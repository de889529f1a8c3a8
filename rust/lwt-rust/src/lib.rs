//! OCaml's Lwt and Rust's async, each awaiting the other.
//!
//! OCaml calls a Rust function that has the attribute [`func`]:
//!
//! ```
//! use std::time::Duration;
//!
//! use lwt_rust::{Error, LwtFn, func};
//!
//! /// Calls `tick` until it returns `false`, and counts the calls.
//! #[func]
//! async fn count_ticks(tick: LwtFn<u64, bool>, every: Duration) -> Result<u64, Error> {
//!     let mut count = 0;
//!     while tick.call(count).await? {
//!         count += 1;
//!         tokio::time::sleep(every).await;
//!     }
//!     Ok(count)
//! }
//!
//! lwt_rust::library! { count_ticks }
//! ```
//!
//! The command `lwt-rust bindings` makes the OCaml function of it:
//!
//! ```ocaml
//! val count_ticks : (int -> bool Lwt.t) -> float -> int Lwt.t
//! (** Calls [tick] until it returns [false], and counts the calls. *)
//! ```
//!
//! The function runs as a task of the OCaml domain that calls it. The task holds the
//! domain's lock and is in tokio's context. So it may use OCaml values, and tokio's I/O and
//! timers. When OCaml cancels the promise, the future is dropped.
//!
//! [`func`] has options for functions that block, that must finish, or that return no
//! promise. [`FromOcaml`] lists the types that arguments and results may have.
//!
//! | item | meaning |
//! | --- | --- |
//! | [`func`], [`methods`], [`library!`] | make functions and methods callable from OCaml, and name those of a crate |
//! | [`FromOcaml`], [`IntoOcaml`], [`OcamlType`] | types that cross the boundary, with derives |
//! | [`AbstractType`], [`Buffer`], [`Poly`] | values that only one side looks into, and memory that both share |
//! | [`Char`], [`Int64`], [`Int32`], [`Nativeint`] | types of OCaml's that Rust has not |
//! | [`Error`], [`Exception`], [`Panic`], [`StdError`] | why a promise was rejected |
//! | [`OcamlException`] | a Rust error as an exception of its own |
//! | [`LwtFn`], [`Closure`] | an OCaml function that returns a Lwt promise, and any other |
//! | [`RustLwtFn`], [`RustFn`] | a Rust function as a value in OCaml: one that returns a Lwt promise, and any other |
//! | [`interface`] | a trait that OCaml implements |
//! | [`Promise`], [`Resolver`] | a value that will come, and the end that settles it |
//! | [`LwtPromise`] | a Rust future as a Lwt promise within a result |
//! | [`PortablePromise`] | a promise that any OCaml domain may settle |
//! | [`LwtStream`], [`LwtSink`] | a stream of items and a sink for items, made by either side |
//! | [`channel`] | channels, whose ends OCaml may have |
//! | [`LwtInput`], [`LwtOutput`] | readers and writers, which are channels of `Lwt_io`, made by either side |
//! | [`SharedBytes`] | bytes that both sides share without a copy |
//! | [`spawn`], [`spawn_local`], [`Task`] | tasks of a domain, which may call OCaml |
//! | [`spawn_scoped`], [`spawn_blocking`] | tasks and functions on tokio's threads |
//! | [`Handle`], [`DomainExecutor`] | a domain, for any thread, and for its own tasks |
//! | [`with_lock`], [`Lock`], [`Val`], [`Root`] | OCaml values |
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
pub mod channel;
mod closure;
mod convert;
mod domain;
mod error;
#[doc(hidden)]
pub mod expansion;
mod fork;
mod functions;
mod io;
#[cfg(feature = "logs")]
pub mod logs;
#[cfg(not(feature = "logs"))]
mod logs;
mod lwt_loop;
mod lwt_promise;
mod ocaml;
mod on_tokio;
mod promise;
mod reports;
pub mod runtime;
mod sink;
mod stream;
mod stub;
mod symbols;
mod watch;

pub use bindings::{interface, library, methods};
pub use closure::{Closure, LwtFn};
pub use convert::{
    Abstract, AbstractType, Buffer, Char, FromOcaml, Int32, Int64, IntoOcaml, Nativeint,
    OcamlException, OcamlType, Poly, SharedBytes, Taken, Variable, vars,
};
pub use domain::{DomainExecutor, Handle, Task, spawn, spawn_local};
pub use error::{Error, Exception, Failure, Panic, StdError};
pub use functions::{RustFn, RustLwtFn};
pub use io::{LwtInput, LwtOutput};
pub use lwt_promise::LwtPromise;
/// Makes a function callable from OCaml.
///
/// An `async fn` returns a Lwt promise. A plain `fn` returns its value, and runs on the
/// thread that calls it:
///
/// ```
/// use std::time::Duration;
///
/// use lwt_rust::{Error, LwtFn, func};
///
/// /// `val ask_within : float -> (string -> string Lwt.t) -> string -> string Lwt.t`
/// #[func]
/// async fn ask_within(
///     limit: Duration,
///     ask: LwtFn<String, String>,
///     question: String,
/// ) -> Result<String, Error> {
///     tokio::time::timeout(limit, ask.call(question)).await?
/// }
///
/// /// `val words : string -> int`
/// #[func]
/// fn words(text: String) -> usize {
///     text.split_whitespace().count()
/// }
///
/// lwt_rust::library! { ask_within, words }
/// ```
///
/// OCaml gets the functions that [`library!`] names. An `Err` rejects the promise, or raises
/// an exception if there is no promise. [`Error`] says which types of errors there may be.
///
/// # `blocking`
///
/// A plain `fn` that takes long. It runs on a thread of tokio's pool, and OCaml gets a
/// promise:
///
/// ```
/// # use lwt_rust::func;
/// /// `val checksum : bytes -> int Lwt.t`
/// #[func(blocking)]
/// fn checksum(bytes: Vec<u8>) -> u32 {
///     bytes.iter().fold(0, |sum, &byte| sum.rotate_left(5) ^ u32::from(byte))
/// }
/// # lwt_rust::library! { checksum }
/// ```
///
/// # `protected`
///
/// The function goes on when OCaml cancels its promise, and its result is dropped:
///
/// ```
/// # use lwt_rust::{Error, LwtFn, func};
/// /// `val transfer : (int -> unit Lwt.t) -> (int -> unit Lwt.t) -> int -> unit Lwt.t`
/// #[func(protected)]
/// async fn transfer(
///     withdraw: LwtFn<u64, ()>,
///     deposit: LwtFn<u64, ()>,
///     amount: u64,
/// ) -> Result<(), Error> {
///     withdraw.call(amount).await?;
///     deposit.call(amount).await
/// }
/// # lwt_rust::library! { transfer }
/// ```
///
/// # `result`
///
/// OCaml gets the `Result` as a value:
///
/// ```
/// # use lwt_rust::func;
/// /// `val port : string -> (int, string) result`
/// #[func(result)]
/// fn port(text: String) -> Result<u16, String> {
///     text.parse().map_err(|_| format!("{text} is no port"))
/// }
/// # lwt_rust::library! { port }
/// ```
///
/// # `tokio`
///
/// A plain `fn` that uses tokio. The function starts the runtime if it does not run, and is
/// in its context:
///
/// ```
/// # use std::time::Duration;
/// # use lwt_rust::func;
/// /// `val touch_every_second : string -> unit`
/// #[func(tokio)]
/// fn touch_every_second(path: String) {
///     tokio::spawn(async move {
///         while std::fs::write(&path, "").is_ok() {
///             tokio::time::sleep(Duration::from_secs(1)).await;
///         }
///     });
/// }
/// # lwt_rust::library! { touch_every_second }
/// ```
///
/// A plain `fn` without this option does not start the runtime, unless it takes a promise
/// or a closure that returns one. So a program may fork after it has called such a function.
/// But `tokio::spawn` panics in it until another function has started the runtime.
///
/// A function with this option fails, as an asynchronous one does, if the runtime cannot be
/// started: after `Lwt_rust.Runtime.shutdown`, in a forked process, or if the system gives
/// no threads.
///
/// # `local`
///
/// An `async fn` whose future stays on the thread that calls it. A future that is not `Send`
/// does so anyway. Write the option if the compiler cannot tell, and says "implementation of
/// ... is not general enough":
///
/// ```
/// # use std::{cell::Cell, rc::Rc, time::Duration};
/// # use lwt_rust::func;
/// /// `val count_to : int -> int Lwt.t`
/// #[func(local)]
/// async fn count_to(limit: u32) -> u32 {
///     let count = Rc::new(Cell::new(0));
///     while count.get() < limit {
///         count.set(count.get() + 1);
///         tokio::time::sleep(Duration::from_millis(1)).await;
///     }
///     count.get()
/// }
/// # lwt_rust::library! { count_to }
/// ```
///
/// Several threads of a domain may poll the future of an `async fn`: first the thread that
/// calls the function, and later the threads that run the loop. A future that stays on its
/// thread has two limits:
///
/// - If another thread would have to poll it, the promise is rejected with an error that says
///   so. This happens if the function is called within `Lwt_preemptive.detach` and has to
///   wait, because the thread of the loop goes on with it.
/// - The future is then leaked, with all that it holds, since no other thread may drop it
///   either. Its destructors do not run. So each such call costs memory that does not come
///   back. The same holds if another thread cancels the promise or ends the domain.
///
/// Call such a function on the thread that runs the loop, for example by
/// `Lwt_preemptive.run_in_main`, or make the future `Send`.
///
/// # `name` and `doc`
///
/// The name and the documentation that the function has in OCaml:
///
/// ```
/// # use lwt_rust::func;
/// /// Frees the memory.
/// #[func(name = "trim", doc = "[trim ()] gives unused memory back to the system.")]
/// fn trim_memory() {}
/// # lwt_rust::library! { trim_memory }
/// ```
///
/// # `crate`
///
/// The path of this crate, where `::lwt_rust` is not its path: `#[func(crate = "facade::lwt_rust")]`.
/// [`methods`] and [`interface`] have the same option, the derives have it in `#[ocaml(crate =
/// "...")]`, and [`library!`] begins with `crate = facade::lwt_rust;`. A crate that renames this one
/// may write `extern crate new_name as lwt_rust;` instead, once.
///
/// # Conditions
///
/// An argument may have `#[cfg(...)]` and `#[cfg_attr(...)]`. OCaml gets the arguments that the
/// compiler has kept:
///
/// ```
/// # use lwt_rust::func;
/// /// `val visit : string -> user:string -> int`
/// #[func]
/// fn visit(
///     url: String,
///     #[cfg_attr(all(), ocaml(label))] user: String,
///     #[cfg(any())] password: String,
/// ) -> usize {
///     url.len() + user.len()
/// }
/// # lwt_rust::library! { visit }
/// ```
///
/// # Which functions
///
/// A function of an `impl` block cannot have the attribute: write one outside of the block,
/// which may call it. A function has at most 32 arguments. It may have type parameters, for
/// values that Rust only keeps: see [`Poly`].
pub use lwt_rust_macros::func;
pub use lwt_rust_macros::{AbstractType, FromOcaml, IntoOcaml, OcamlException, OcamlType};
pub use ocaml::{Lock, NoMemory, Root, Val, try_with_lock, with_lock};
pub use on_tokio::{spawn_blocking, spawn_scoped};
pub use promise::{PortablePromise, Promise, Resolver};
pub use sink::LwtSink;
pub use stream::LwtStream;
