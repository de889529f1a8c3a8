//! The macros of the crate `lwt-rust`, which documents and exports them.
//!
//! Each is a function from tokens to tokens in a module of its own, so that it is
//! tested like any other.

mod attributes;
mod derive;
mod function;
mod library;
mod names;
mod record;

use proc_macro::TokenStream;

/// Makes a function callable from OCaml: `lwt_rust::func`.
#[proc_macro_attribute]
pub fn func(options: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(options.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
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
    expand(item, derive::ocaml_type)
}

/// Makes a type readable from OCaml: `lwt_rust::FromOcaml`.
#[proc_macro_derive(FromOcaml, attributes(ocaml))]
pub fn from_ocaml(item: TokenStream) -> TokenStream {
    expand(item, derive::from_ocaml)
}

/// Makes a type writable to OCaml: `lwt_rust::IntoOcaml`.
#[proc_macro_derive(IntoOcaml, attributes(ocaml))]
pub fn into_ocaml(item: TokenStream) -> TokenStream {
    expand(item, derive::into_ocaml)
}

/// Makes a type an abstract one of OCaml's: `lwt_rust::AbstractType`.
#[proc_macro_derive(AbstractType, attributes(ocaml))]
pub fn abstract_type(item: TokenStream) -> TokenStream {
    expand(item, derive::abstract_type)
}

fn expand(
    item: TokenStream,
    derive: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse(item)
        .and_then(|item| derive(&item))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
