//! The descriptions of a crate, of which the OCaml bindings are made.
//!
//! `#[func]`, [`library!`](crate::library) and the derives each leave a record in the
//! archive: a static that the compiler makes. `lwt-rust bindings` finds the records in the
//! file, and writes the OCaml module. The program contains the records, but never reads
//! them.
//!
//! Use [`Type`] to implement [`OcamlType`](crate::OcamlType) by hand.

pub use lwt_rust_core::Type;

/// Names the functions of a crate that OCaml gets. `lwt-rust bindings` makes an OCaml
/// module of them. A crate has one such list:
///
/// ```no_run
/// mod net {
///     /// Sleeps.
///     #[lwt_rust::func]
///     pub async fn sleep(time: std::time::Duration) {
///         tokio::time::sleep(time).await
///     }
/// }
///
/// lwt_rust::library! {
///     #![doc = "What the OCaml module is for."]
///     net::sleep,
/// }
/// # fn main() {}
/// ```
///
/// A member is a function with the attribute [`func`](crate::func), a type with the attribute
/// [`methods`], or a type with the derive [`OcamlException`](crate::OcamlException), in this
/// crate or in one that it depends on. It may have a `#[cfg(...)]`. The bindings contain the
/// members in this order. `lwt-rust bindings` warns of a function that no library names. If a
/// function has no attribute, rustc says "expected type, found function".
///
/// If this crate is not known as `::lwt_rust`, a first line says its path, such as `crate =
/// facade::lwt_rust;`.
///
/// `mod` makes an OCaml module of a Rust module. Paths in it begin in the Rust module. The
/// types of that module are in the OCaml module, too:
///
/// ```no_run
/// mod net {
///     #[lwt_rust::func]
///     pub fn limit() -> u32 {
///         10
///     }
///
///     pub mod http {
///         #[lwt_rust::func]
///         pub fn limit() -> u32 {
///             20
///         }
///     }
/// }
///
/// // `Net.limit` and `Net.Web.limit`
/// lwt_rust::library! {
///     /// The network.
///     mod net {
///         limit,
///         #[ocaml(name = "Web")]
///         mod http { limit }
///     }
/// }
/// # fn main() {}
/// ```
pub use lwt_rust_macros::library;
/// Makes an OCaml module of an `impl` block, for a type that a [`library!`](crate::library)
/// names:
///
/// ```no_run
/// use std::{sync::Mutex, time::Duration};
///
/// use lwt_rust::{AbstractType, Error, methods};
///
/// /// A queue of jobs.
/// #[derive(AbstractType)]
/// struct Queue(Mutex<Vec<String>>);
///
/// #[methods]
/// impl Queue {
///     /// `val create : unit -> t`
///     fn new() -> Self {
///         Queue(Mutex::default())
///     }
///
///     /// `val push : t -> string -> unit`
///     fn push(&self, job: String) {
///         self.0.lock().expect("nothing has panicked").push(job)
///     }
///
///     /// `val pop_after : t -> float -> string option Lwt.t`
///     async fn pop_after(&self, time: Duration) -> Option<String> {
///         tokio::time::sleep(time).await;
///         self.0.lock().expect("nothing has panicked").pop()
///     }
///
///     /// `val finish : t -> string list Lwt.t`
///     #[func(blocking)]
///     fn finish(self) -> Result<Vec<String>, Error> {
///         self.0.into_inner().map_err(|_| Error::message("a method has panicked"))
///     }
/// }
///
/// lwt_rust::library! { Queue }
/// # fn main() {}
/// ```
///
/// Each function of the block is in the module, and has the options that stand above it in
/// `#[func(...)]`; see [`func`](crate::func). `new` is called `create`. The type has the derive
/// [`AbstractType`](crate::AbstractType), or [`OcamlType`](crate::OcamlType) and
/// [`FromOcaml`](crate::FromOcaml), and no type parameters. There is one such block for a type.
///
/// A method takes `&self` or `self: Arc<Self>`, which share the value with other calls, or
/// `self`. A method with `self` takes an abstract value away from OCaml, and later uses of it
/// raise `Lwt_rust.Error`. If another call uses the value, or Rust has kept an `Arc` of it, the
/// call raises that exception and OCaml keeps the value. So it does if another argument is
/// wrong. If the promise is cancelled, the value is dropped with the future.
pub use lwt_rust_macros::methods;

/// Makes a trait one that OCaml implements, by a record of functions:
///
/// ```
/// use lwt_rust::{Error, func, interface};
///
/// /// Where texts are kept.
/// #[interface]
/// trait Store {
///     /// The text with this key.
///     async fn get(&self, key: &str) -> Result<Option<String>, Error>;
///     async fn set(&self, key: &str, text: String) -> Result<(), Error>;
///
///     /// OCaml does not implement a method that has a body.
///     fn copy(&self, from: &str, to: &str) -> impl Future<Output = Result<(), Error>> + Send
///     where
///         Self: Sync,
///     {
///         async move {
///             match self.get(from).await? {
///                 Some(text) => self.set(to, text).await,
///                 None => Ok(()),
///             }
///         }
///     }
/// }
///
/// /// `val rename : store -> string -> unit Lwt.t`
/// #[func]
/// async fn rename(store: OcamlStore, to: String) -> Result<(), Error> {
///     store.copy("old", &to).await
/// }
/// # lwt_rust::library! { rename }
/// ```
///
/// In OCaml this is `type store = { get : string -> string option Lwt.t; set : string -> string ->
/// unit Lwt.t }`. In Rust it is the struct `OcamlStore`, with a field of type
/// [`LwtFn`](crate::LwtFn) for each method, which implements the trait. It can be cloned, and used
/// from tasks of its domain and from any other thread. `#[ocaml(name = "...")]` above the trait
/// chooses another name for the OCaml type.
///
/// A method that OCaml implements is an `async fn` with `&self`. The trait gets it as a `fn` that
/// returns an `impl Future + Send`, so that any thread may await it. An argument that is a reference
/// is cloned for OCaml. The result is a `Result`. Its error is made of an
/// [`Error`](crate::Error), which is the exception that the OCaml function raises.
///
/// # Cancellation
///
/// Dropping the future cancels the Lwt promise: see [`Promise`](crate::Promise). OCaml is called when
/// Rust calls the method, also if the future is never awaited.
pub use lwt_rust_macros::interface;
