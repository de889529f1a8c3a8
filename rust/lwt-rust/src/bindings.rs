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
/// The functions have the attribute `#[lwt_rust::func]`, in this crate or in one that it
/// depends on. The bindings contain them in this order. `lwt-rust bindings` warns of a
/// function that no library names. If a function has no such attribute, rustc says "expected
/// type, found function".
pub use lwt_rust_macros::library;
