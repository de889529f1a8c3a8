//! `library!`: the description of a crate's functions, for the bindings.

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
    functions: Punctuated<Path, Token![,]>,
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
    let functions = Punctuated::parse_terminated_with(input, Path::parse_mod_style)?;
    Ok(Library { docs, functions })
}

pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let Library { docs, functions } = parse.parse2(tokens)?;
    let doc = quote!(::core::concat!("", #(#docs, "\n",)*));
    let library = Item::new("library").text(names::krate()).text(doc);
    let functions = functions.iter().map(|function| {
        Item::new("names").text(quote!(<#function as ::lwt_rust::expansion::Function>::SYMBOL))
    });
    let items: Vec<Item> = std::iter::once(library).chain(functions).collect();
    Ok(record(&items))
}
