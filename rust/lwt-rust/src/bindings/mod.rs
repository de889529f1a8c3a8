//! What a crate tells OCaml about itself, of which its bindings are made.
//!
//! [`library!`](crate::library) puts the description of its functions into the
//! archive, as a symbol with the crate's name that gives a text. `lwt-rust
//! bindings` loads the dynamic library, takes the text, and writes the OCaml
//! module. A description is made only then: a program carries the code for it,
//! but never runs it.
//!
//! [`Type`], and [`Description::declare`] are for those who implement
//! [`OcamlType`](crate::OcamlType) by hand; the rest is for our macros.

mod expansion;

#[doc(hidden)]
pub use expansion::*;
#[doc(hidden)]
pub use lwt_rust_core::{Arguments, ConstructorItem, FieldItem, FunctionItem};
pub use lwt_rust_core::{Definition, Description, Type};

/// Names the functions of a crate that OCaml gets, for `lwt-rust bindings` to
/// make an OCaml module of. It stands once in a crate:
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
/// The functions have the attribute `#[lwt_rust::func]`, in this crate or in one
/// that it depends on. The bindings have them in this order. The compiler warns
/// of a function that is in no library with `enum ... is never used`.
pub use lwt_rust_macros::library;
