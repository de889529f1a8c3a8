//! The macros of the crate `lwt-rust`, which documents and exports them.
//!
//! Each macro is a function from tokens to tokens in a module of its own, so it is tested
//! like any other function.

mod attributes;
mod conditions;
mod derive;
mod function;
mod interface;
mod library;
mod methods;
mod names;
mod paths;
mod record;
mod refusal;
mod streams;
mod types;
mod variables;

use proc_macro::TokenStream;

use refusal::Trait;

/// Makes a function callable from OCaml: `lwt_rust::func`.
#[proc_macro_attribute]
pub fn func(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute("func", options, item, function::expand)
}

/// Makes an OCaml module of an `impl` block: `lwt_rust::methods`.
#[proc_macro_attribute]
pub fn methods(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute("methods", options, item, methods::expand)
}

/// Makes a trait one that OCaml implements: `lwt_rust::interface`.
#[proc_macro_attribute]
pub fn interface(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute("interface", options, item, interface::expand)
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

/// Gives an error type exceptions of OCaml's: `lwt_rust::OcamlException`.
#[proc_macro_derive(OcamlException, attributes(ocaml))]
pub fn ocaml_exception(item: TokenStream) -> TokenStream {
    expand(item, Trait::OcamlException, derive::ocaml_exception)
}

fn attribute(
    name: &str,
    options: TokenStream,
    item: TokenStream,
    expand: fn(proc_macro2::TokenStream, proc_macro2::TokenStream) -> proc_macro2::TokenStream,
) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let expanded = paths::of_options(options.into(), |options| {
        conditions::expand(name, options, item.clone(), expand)
    });
    expanded
        .unwrap_or_else(|error| refusal::of_item(item, &error))
        .into()
}

fn expand(
    item: TokenStream,
    derived: Trait,
    derive: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let mut item: syn::DeriveInput = match syn::parse(item) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error().into(),
    };
    let path = match paths::of_type(&mut item) {
        Ok(path) => path,
        Err(error) => return refusal::of_type(&item, derived, &error).into(),
    };
    let expanded = derive(&item).unwrap_or_else(|error| refusal::of_type(&item, derived, &error));
    paths::written(path.as_ref(), expanded).into()
}
