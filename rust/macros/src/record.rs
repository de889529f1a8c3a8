//! The records that `lwt-rust bindings` finds in the built file.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, spanned::Spanned};

use crate::names;

/// An item of a record.
#[derive(Default)]
pub(crate) struct Item {
    parts: Vec<TokenStream>,
    /// The attributes that decide whether the item exists.
    cfgs: Vec<Attribute>,
}

impl Item {
    pub(crate) fn new(kind: &str) -> Self {
        Item::default().text(kind)
    }

    /// Adds a text: a string, or an expression for one.
    pub(crate) fn text(self, text: impl ToTokens) -> Self {
        self.part(quote!(::lwt_rust::expansion::Part::Text(#text)))
    }

    pub(crate) fn part(mut self, part: TokenStream) -> Self {
        self.parts.push(part);
        self
    }

    pub(crate) fn cfgs(mut self, cfgs: &[Attribute]) -> Self {
        self.cfgs.extend_from_slice(cfgs);
        self
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Item { parts, cfgs } = self;
        tokens.extend(quote!(#(#cfgs)* &[#(#parts),*]));
    }
}

/// The OCaml type of a Rust type. The compiler reports its errors at the place of the Rust
/// type.
pub(crate) fn ocaml_type(ty: &(impl ToTokens + Spanned)) -> TokenStream {
    quote_spanned!(ty.span()=> <#ty as ::lwt_rust::OcamlType>::TYPE)
}

/// The Rust path of the item `name` of the present module.
pub(crate) fn path(name: &str) -> TokenStream {
    quote!(::core::concat!(::core::module_path!(), "::", #name))
}

/// A static with the record. Nothing refers to it. The compiler keeps it because it is
/// `used`, and the linker keeps it in a dynamic library because it has a symbol.
pub(crate) fn record(items: &[Item]) -> TokenStream {
    let symbol = names::symbol("record", "of");
    quote! {
        const _: () = {
            const ITEMS: &[&[::lwt_rust::expansion::Part]] = &[#(#items),*];
            #[used]
            #[unsafe(export_name = #symbol)]
            pub static RECORD: [u8; ::lwt_rust::expansion::length(ITEMS)] =
                ::lwt_rust::expansion::bytes(ITEMS);
        };
    }
}
