//! The path of the crate `lwt-rust`, for crates that know it by another path than
//! `::lwt_rust`.
//!
//! The macros write `::lwt_rust`. If the author gives another path, it takes the place of that
//! one in the code that a macro has made. So no other module knows of it.

use proc_macro2::{Group, Ident, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    DeriveInput, Error, LitStr, Meta, Path, Result, Token,
    parse::{ParseStream, Parser},
};

/// Expands an attribute with the option `crate`. `expand` gets the other options.
pub(crate) fn of_options(
    options: TokenStream,
    expand: impl FnOnce(TokenStream) -> TokenStream,
) -> Result<TokenStream> {
    let (path, options) = take(options)?;
    Ok(written(path.as_ref(), expand(options)))
}

/// Takes the option `crate` away from the attributes `ocaml` of a type.
pub(crate) fn of_type(item: &mut DeriveInput) -> Result<Option<Path>> {
    let mut found = None;
    for attribute in &mut item.attrs {
        let Meta::List(list) = &mut attribute.meta else {
            continue;
        };
        if list.path.is_ident("ocaml") {
            let (path, options) = take(std::mem::take(&mut list.tokens))?;
            list.tokens = options;
            found = path.or(found);
        }
    }
    Ok(found)
}

/// Takes the option `crate` away from options.
fn take(options: TokenStream) -> Result<(Option<Path>, TokenStream)> {
    let mut path = None;
    let others = |input: ParseStream<'_>| {
        let mut others = TokenStream::new();
        while !input.is_empty() {
            if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                path = Some(given(input)?);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
                continue;
            }
            while !input.is_empty() {
                let is_last = input.peek(Token![,]);
                input.parse::<TokenTree>()?.to_tokens(&mut others);
                if is_last {
                    break;
                }
            }
        }
        Ok(others)
    };
    let others = others.parse2(options)?;
    Ok((path, others))
}

/// Reads a path: `"facade::lwt_rust"`, or the same without quotes.
pub(crate) fn given(input: ParseStream<'_>) -> Result<Path> {
    if !input.peek(LitStr) {
        return input.call(Path::parse_mod_style);
    }
    let text: LitStr = input.parse()?;
    text.parse_with(Path::parse_mod_style).map_err(|_| {
        Error::new(
            text.span(),
            "this is the path of the crate `lwt-rust`, such as `\"facade::lwt_rust\"`",
        )
    })
}

/// The code with `path` in the place of `::lwt_rust`.
pub(crate) fn written(path: Option<&Path>, code: TokenStream) -> TokenStream {
    match path {
        Some(path) => replaced(path, code),
        None => code,
    }
}

fn replaced(path: &Path, code: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = Vec::new();
    for token in code {
        match token {
            TokenTree::Group(group) => {
                let mut new = Group::new(group.delimiter(), replaced(path, group.stream()));
                new.set_span(group.span());
                tokens.push(new.into());
            }
            TokenTree::Ident(name) if name == "lwt_rust" && begins_path(&tokens) => {
                tokens.truncate(tokens.len() - 2);
                tokens.extend(at(path, &name));
            }
            token => tokens.push(token),
        }
    }
    tokens.into_iter().collect()
}

/// Whether the tokens end with the `::` that a path begins with.
fn begins_path(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: &TokenTree, spacing: Option<Spacing>| match token {
        TokenTree::Punct(punct) => {
            punct.as_char() == ':' && spacing.is_none_or(|spacing| punct.spacing() == spacing)
        }
        _ => false,
    };
    let [before @ .., first, second] = tokens else {
        return false;
    };
    if !is_colon(first, Some(Spacing::Joint)) || !is_colon(second, None) {
        return false;
    }
    match before.last() {
        // `facade::lwt_rust` is another path, and `impl ::lwt_rust::Variable` has this one.
        Some(TokenTree::Ident(name)) => is_keyword(name),
        _ => true,
    }
}

/// Whether a name is a keyword, and no part of a path.
fn is_keyword(name: &Ident) -> bool {
    let is_of_path = ["crate", "self", "super", "Self"]
        .iter()
        .any(|part| name == part);
    !is_of_path && syn::parse2::<Ident>(quote!(#name)).is_err()
}

/// The path, for an error at the place of `name`.
fn at(path: &Path, name: &Ident) -> Vec<TokenTree> {
    let tokens = path.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(name.span()));
        token
    });
    tokens.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        syn::parse_str(text).expect("a path")
    }

    #[test]
    fn the_option_may_stand_anywhere() {
        for (options, others) in [
            (quote!(crate = "a::b"), quote!()),
            (quote!(crate = a::b), quote!()),
            (quote!(crate = "a::b", name = "n"), quote!(name = "n")),
            (quote!(blocking, crate = "a::b"), quote!(blocking,)),
            (
                quote!(with = Map<K, V>, crate = "a::b", name = "n"),
                quote!(with = Map<K, V>, name = "n"),
            ),
        ] {
            let (found, left) = take(options).expect("options");
            assert_eq!(found.to_token_stream().to_string(), "a :: b");
            assert_eq!(left.to_string(), others.to_string());
        }
        let (found, left) = take(quote!(blocking)).expect("options");
        assert!(found.is_none());
        assert_eq!(left.to_string(), "blocking");
    }

    #[test]
    fn only_the_path_of_the_library_is_replaced() {
        for (code, expected) in [
            (quote!(::lwt_rust::func), quote!(a::b::func)),
            (quote!(<T as ::lwt_rust::X>::Y), quote!(<T as a::b::X>::Y)),
            (quote!(-> ::lwt_rust::X), quote!(-> a::b::X)),
            (quote!(impl ::lwt_rust::X), quote!(impl a::b::X)),
            (quote!({ (::lwt_rust::X) }), quote!({ (a::b::X) })),
            (quote!(x: ::lwt_rust::X), quote!(x: a::b::X)),
            (quote!(facade::lwt_rust::X), quote!(facade::lwt_rust::X)),
            (quote!(crate::lwt_rust::X), quote!(crate::lwt_rust::X)),
            (quote!(lwt_rust::X), quote!(lwt_rust::X)),
            (quote!(::lwt_rust_core::X), quote!(::lwt_rust_core::X)),
        ] {
            let found = written(Some(&path("a::b")), code);
            assert_eq!(found.to_string(), expected.to_string());
        }
    }
}
