//! `library!`: the description of a crate's functions and exceptions, for the bindings.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Error, Expr, Meta, Path, Result, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::{
    names,
    record::{Item, record},
};

struct Library {
    docs: Vec<Expr>,
    members: Punctuated<Path, Token![,]>,
}

fn parse(input: ParseStream<'_>) -> Result<Library> {
    let docs = Attribute::parse_inner(input)?
        .into_iter()
        .map(|attribute| match attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => Ok(pair.value),
            meta => Err(Error::new_spanned(
                meta,
                "a library has no attribute but its documentation, `#![doc = \"...\"]`",
            )),
        })
        .collect::<Result<_>>()?;
    let members = Punctuated::parse_terminated_with(input, Path::parse_mod_style)?;
    Ok(Library { docs, members })
}

pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let Library { docs, members } = parse.parse2(tokens)?;
    let doc = quote!(::core::concat!("", #(#docs, "\n",)*));
    let library = Item::new("library").text(names::krate()).text(doc);
    let members = members.iter().map(|member| {
        Item::new("names").text(quote!(<#member as ::lwt_rust::expansion::Member>::SYMBOL))
    });
    let items: Vec<Item> = std::iter::once(library).chain(members).collect();
    Ok(record(&items))
}
