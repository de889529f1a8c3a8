//! `library!`: the description of a crate's functions, for the bindings.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Error, Expr, Meta, Path, Result, Token,
    parse::{ParseStream, Parser},
    punctuated::Punctuated,
};

use crate::names;

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
    let functions = functions.iter();
    let krate = names::krate();
    let symbol = names::library_symbol(&krate);
    Ok(quote! {
        const _: () = {
            #[unsafe(export_name = #symbol)]
            extern "C" fn describe() -> *mut ::core::ffi::c_char {
                let mut description = ::lwt_rust::bindings::Description::default();
                #(<#functions as ::lwt_rust::bindings::Function>::describe(&mut description);)*
                description.publish(#krate, ::core::concat!("", #(#docs, "\n",)*))
            }
        };
    })
}
