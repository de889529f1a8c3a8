//! Functions that OCaml cannot call, and types that it cannot have: the errors for them, and
//! the code that takes their place.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    DeriveInput, Error, ItemFn, Path, Result,
    ext::IdentExt,
    visit::{self, Visit},
};

const IN_IMPL: &str = "OCaml cannot call a function of an `impl` block: put the attribute on a \
                       function outside of the block, which may call this one";

/// The expansion for an item that is no function: the item itself, so that the rest of the
/// crate finds it, and the error.
pub(crate) fn of_item(item: TokenStream, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    match syn::parse2(item) {
        Ok(syn::Item::Verbatim(_)) | Err(_) => error,
        Ok(item) => quote!(#item #error),
    }
}

/// The expansion for a function that OCaml cannot call: the function with its marker, so
/// that the rest of the crate finds both, and the error.
pub(crate) fn of_function(function: &ItemFn, marker: &TokenStream, error: &Error) -> TokenStream {
    let marker = match is_in_impl(function) {
        true => TokenStream::new(),
        false => unless_in_impl(&function.sig.ident, marker),
    };
    let error = error.to_compile_error();
    quote!(#function #marker #error)
}

/// The expansion for a type that OCaml cannot have: the error, and an implementation of the
/// trait, so that the compiler does not report each use of the type.
pub(crate) fn of_type(item: &DeriveInput, derived: Trait, error: &Error) -> TokenStream {
    let (head, items) = match derived {
        Trait::OcamlType => (
            quote!(unsafe impl),
            quote!(
                const TYPE: ::lwt_rust::expansion::Type = ::lwt_rust::expansion::Type::named("");
            ),
        ),
        Trait::FromOcaml => (
            quote!(impl),
            quote! {
                unsafe fn from_ocaml(
                    _: ::lwt_rust::Val<'_>,
                ) -> ::core::result::Result<Self, ::lwt_rust::Error> {
                    ::core::unreachable!()
                }
            },
        ),
        Trait::IntoOcaml => (
            quote!(unsafe impl),
            quote! {
                fn into_ocaml(
                    self,
                    _: &mut ::lwt_rust::Lock,
                ) -> ::core::result::Result<::lwt_rust::Val<'_>, ::lwt_rust::Error> {
                    ::core::unreachable!()
                }
            },
        ),
        Trait::AbstractType => (
            quote!(unsafe impl),
            quote! {
                const NAME: &'static str = "";
                const PATH: &'static str = "";
            },
        ),
        Trait::OcamlException => (
            quote!(unsafe impl),
            quote! {
                const EXCEPTIONS: &'static [bool] = &[];

                fn parts(
                    &self,
                    _: &mut ::lwt_rust::Lock,
                ) -> ::core::result::Result<::lwt_rust::expansion::Parts<'_>, ::lwt_rust::Error> {
                    ::core::unreachable!()
                }

                unsafe fn of_parts(
                    _: usize,
                    _: ::lwt_rust::expansion::Fields<'_>,
                ) -> ::core::result::Result<Self, ::lwt_rust::Error> {
                    ::core::unreachable!()
                }
            },
        ),
    };
    let derived = format_ident!("{derived:?}");
    let name = &item.ident;
    let (parameters, arguments, clause) = item.generics.split_for_impl();
    let error = error.to_compile_error();
    quote! {
        #error

        #head #parameters ::lwt_rust::#derived for #name #arguments #clause {
            #items
        }
    }
}

/// The traits that have derives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trait {
    OcamlType,
    FromOcaml,
    IntoOcaml,
    AbstractType,
    OcamlException,
}

/// Refuses a function that can only be one of an `impl` block or a trait.
pub(crate) fn in_impl(function: &ItemFn) -> Result<()> {
    // The error for `self` says more.
    if function.sig.receiver().is_none() && is_in_impl(function) {
        return Err(Error::new(function.sig.ident.span(), IN_IMPL));
    }
    Ok(())
}

/// Whether a function has a `self` or names `Self`.
fn is_in_impl(function: &ItemFn) -> bool {
    struct Names(bool);

    impl Visit<'_> for Names {
        fn visit_path(&mut self, path: &Path) {
            let first = path.segments.first();
            self.0 |= first.is_some_and(|segment| segment.ident == "Self");
            visit::visit_path(self, path);
        }

        // An item within the function may have a `Self` of its own.
        fn visit_item(&mut self, _: &syn::Item) {}
    }

    let mut names = Names(function.sig.receiver().is_some());
    names.visit_signature(&function.sig);
    names.visit_block(&function.block);
    names.0
}

/// Items that go with a function. If the function is one of an `impl` block, they are an
/// error instead.
///
/// No macro knows where it is used. So this code defines a macro, and uses it for the items.
/// In an `impl` block the compiler refuses the definition, and then reports that it does not
/// find the macro, whose name says what to do.
pub(crate) fn unless_in_impl(function: &Ident, items: &TokenStream) -> TokenStream {
    let name = format!("{}_has_to_be_outside_of_the_impl_block", function.unraw());
    let name = Ident::new(&name, Span::call_site().located_at(function.span()));
    quote! {
        macro_rules! #name {
            ($($items:tt)*) => { $($items)* };
        }
        #name! { #items }
    }
}
