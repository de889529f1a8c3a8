//! `library!`: the description of a crate's functions, methods and exceptions, for the
//! bindings.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Error, Expr, Ident, Meta, Path, Result, Token, braced,
    parse::{Parse, ParseStream, Parser},
};

use crate::{
    attributes, names, paths,
    record::{Item, record},
};

struct Library {
    docs: Vec<Expr>,
    /// The path of the crate `lwt-rust`, if the library says it.
    path: Option<Path>,
    members: Vec<Member>,
}

/// A member, and the `cfg` attributes that decide whether it exists.
struct Member {
    cfgs: Vec<Attribute>,
    kind: Kind,
}

enum Kind {
    /// The path of a function or a type.
    Path(Path),
    /// A Rust module, which becomes an OCaml module.
    Module {
        rust: Ident,
        name: String,
        doc: String,
        members: Vec<Member>,
    },
}

fn library(input: ParseStream<'_>) -> Result<Library> {
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
    let mut path = None;
    if input.peek(Token![crate]) && input.peek2(Token![=]) {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        path = Some(paths::given(input)?);
        input.parse::<Token![;]>()?;
    }
    let members = members(input)?;
    Ok(Library {
        docs,
        path,
        members,
    })
}

fn members(input: ParseStream<'_>) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    while !input.is_empty() {
        let member: Member = input.parse()?;
        let comma: Option<Token![,]> = input.parse()?;
        let may_end = input.is_empty() || matches!(member.kind, Kind::Module { .. });
        if comma.is_none() && !may_end {
            return Err(input.error("expected `,`"));
        }
        members.push(member);
    }
    Ok(members)
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = Attribute::parse_outer(input)?;
        let cfgs = attributes::cfgs(&attributes).into_iter().cloned().collect();
        let kind = match input.peek(Token![mod]) {
            true => module(&attributes, input)?,
            false => {
                let other = attributes.iter().find(|attribute| !is(attribute, &["cfg"]));
                if let Some(other) = other {
                    return Err(Error::new_spanned(
                        other,
                        "a function or a type in a library has no attribute but `cfg`",
                    ));
                }
                Kind::Path(input.call(Path::parse_mod_style)?)
            }
        };
        Ok(Member { cfgs, kind })
    }
}

fn module(attributes: &[Attribute], input: ParseStream<'_>) -> Result<Kind> {
    let other = attributes
        .iter()
        .find(|attribute| !is(attribute, &["cfg", "doc", "ocaml"]));
    if let Some(other) = other {
        return Err(Error::new_spanned(
            other,
            "a module in a library has no attributes but `cfg`, its documentation, and \
             `#[ocaml(name = \"...\")]`",
        ));
    }
    input.parse::<Token![mod]>()?;
    let rust: Ident = input.parse()?;
    let name = match attributes::name(attributes)? {
        Some(chosen) => {
            names::check_module(&chosen.value(), chosen.span())?;
            chosen.value()
        }
        None => names::module(&rust)?,
    };
    let content;
    braced!(content in input);
    Ok(Kind::Module {
        rust,
        name,
        doc: attributes::doc(attributes),
        members: members(&content)?,
    })
}

fn is(attribute: &Attribute, names: &[&str]) -> bool {
    names.iter().any(|name| attribute.path().is_ident(name))
}

/// The items for a member of the module with the path `within`, whose `cfg` attributes are
/// `cfgs`.
fn items(member: &Member, within: &[Ident], cfgs: &[Attribute]) -> Result<Vec<Item>> {
    let cfgs = [cfgs, &member.cfgs].concat();
    let items = match &member.kind {
        Kind::Path(path) => {
            let path = absolute(path, within)?;
            let symbol = quote!(<#path as ::lwt_rust::expansion::Member>::SYMBOL);
            vec![Item::new("names").text(symbol).cfgs(&cfgs)]
        }
        Kind::Module {
            rust,
            name,
            doc,
            members,
        } => {
            let head = Item::new("module").text(rust.to_string());
            let mut found = vec![head.text(name).text(doc).cfgs(&cfgs)];
            let within = [within, std::slice::from_ref(rust)].concat();
            for member in members {
                found.extend(items(member, &within, &cfgs)?);
            }
            found.push(Item::new("end").cfgs(&cfgs));
            found
        }
    };
    Ok(items)
}

/// The path of a member, which begins in the module with the path `within`.
fn absolute(path: &Path, within: &[Ident]) -> Result<TokenStream> {
    let first = path
        .segments
        .first()
        .map(|segment| segment.ident.to_string());
    match first.as_deref() {
        _ if within.is_empty() || path.leading_colon.is_some() => Ok(quote!(#path)),
        Some("crate") => Ok(quote!(#path)),
        Some("self" | "super") => Err(Error::new_spanned(
            path,
            "in a module of a library, a path begins in that module, or with `crate`",
        )),
        _ => Ok(quote!(#(#within::)* #path)),
    }
}

pub(crate) fn expand(tokens: TokenStream) -> Result<TokenStream> {
    let Library {
        docs,
        path,
        members,
    } = library.parse2(tokens)?;
    let doc = quote!(::core::concat!("", #(#docs, "\n",)*));
    let head = Item::new("library")
        .text(names::krate())
        .text(quote!(::core::module_path!()))
        .text(doc);
    let mut all = vec![head];
    for member in &members {
        all.extend(items(member, &[], &[])?);
    }
    Ok(paths::written(path.as_ref(), record(&all)))
}
