//! The macros of the crate `lwt-rust`, which documents and exports them.
//!
//! Each macro is a function from tokens to tokens in a module of its own, so it is tested
//! like any other function.

mod attributes;
mod derive;
mod function;
mod library;
mod names;
mod record;
mod refusal;
mod types;

use proc_macro::TokenStream;

use refusal::Trait;

/// Makes a function callable from OCaml: `lwt_rust::func`.
///
/// In OCaml an `async fn` returns a Lwt promise. A plain `fn` returns its value, and runs on
/// the thread that calls it. A function of an `impl` block cannot have the attribute: write
/// one outside of the block, which may call it.
///
/// | option | the function |
/// | --- | --- |
/// | `blocking` | is a plain `fn` that may block: it runs on a thread of the pool, and OCaml gets a promise |
/// | `protected` | goes on when OCaml cancels its promise |
/// | `local` | is an `async fn` whose future stays on its thread, also if it is `Send` (see below) |
/// | `tokio` | is a plain `fn` that uses tokio: the runtime is started if it does not run, and its context is entered |
/// | `result` | gives OCaml its `Result` as a value, instead of rejecting or raising for `Err` |
/// | `name = "..."` | has this name in OCaml |
/// | `doc = "..."` | has this documentation in OCaml |
///
/// # Futures that are not `Send`
///
/// Several threads of a domain may poll the future of an `async fn`: first the thread that
/// calls the function, and later the threads that run the loop. A future that is not
/// `Send`, such as one that keeps an `Rc` across an `.await`, stays on the thread that
/// calls:
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
/// The compiler finds out whether a future is `Send`. If it cannot, it says "implementation
/// of ... is not general enough": then write `#[func(local)]`.
///
/// # tokio in a plain function
///
/// A plain `fn` does not start the runtime, unless it takes a promise or a closure that
/// returns one. So a program may fork after it has called such a function. But
/// `tokio::spawn` panics in it until another function has started the runtime.
///
/// With `#[func(tokio)]`, `tokio::spawn` works at any time, on any thread and in any
/// domain. Such a function fails, as an asynchronous one does, if the runtime cannot be
/// started: after `Lwt_rust.Runtime.shutdown`, in a forked process, or if the system gives
/// no threads.
#[proc_macro_attribute]
pub fn func(options: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(options.into(), item.into()).into()
}

/// Names the functions of a crate that OCaml gets: `lwt_rust::library`.
#[proc_macro]
pub fn library(functions: TokenStream) -> TokenStream {
    library::expand(functions.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Describes a Rust type to OCaml: `lwt_rust::OcamlType`.
#[proc_macro_derive(OcamlType, attributes(ocaml))]
pub fn ocaml_type(item: TokenStream) -> TokenStream {
    expand(item, Trait::OcamlType, derive::ocaml_type)
}

/// Makes a type readable from OCaml: `lwt_rust::FromOcaml`.
#[proc_macro_derive(FromOcaml, attributes(ocaml))]
pub fn from_ocaml(item: TokenStream) -> TokenStream {
    expand(item, Trait::FromOcaml, derive::from_ocaml)
}

/// Makes a type writable to OCaml: `lwt_rust::IntoOcaml`.
#[proc_macro_derive(IntoOcaml, attributes(ocaml))]
pub fn into_ocaml(item: TokenStream) -> TokenStream {
    expand(item, Trait::IntoOcaml, derive::into_ocaml)
}

/// Makes a type an abstract one of OCaml's: `lwt_rust::AbstractType`.
#[proc_macro_derive(AbstractType, attributes(ocaml))]
pub fn abstract_type(item: TokenStream) -> TokenStream {
    expand(item, Trait::AbstractType, derive::abstract_type)
}

fn expand(
    item: TokenStream,
    derived: Trait,
    derive: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let expanded = match syn::parse(item) {
        Ok(item) => derive(&item).unwrap_or_else(|error| refusal::of_type(&item, derived, &error)),
        Err(error) => error.into_compile_error(),
    };
    expanded.into()
}
