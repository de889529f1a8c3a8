//! Names in OCaml.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use proc_macro2::{Ident, Span};
use syn::{Error, LitStr, Result, ext::IdentExt};

/// The keywords of OCaml, also those of Rust that may be names there as raw identifiers.
const KEYWORDS: [&str; 55] = [
    "and",
    "as",
    "assert",
    "asr",
    "begin",
    "class",
    "constraint",
    "do",
    "done",
    "downto",
    "effect",
    "else",
    "end",
    "exception",
    "external",
    "false",
    "for",
    "fun",
    "function",
    "functor",
    "if",
    "in",
    "include",
    "inherit",
    "initializer",
    "land",
    "lazy",
    "let",
    "lor",
    "lsl",
    "lsr",
    "lxor",
    "match",
    "method",
    "mod",
    "module",
    "mutable",
    "new",
    "nonrec",
    "object",
    "of",
    "open",
    "or",
    "private",
    "rec",
    "sig",
    "struct",
    "then",
    "to",
    "true",
    "try",
    "type",
    "val",
    "virtual",
    "when",
];

/// The name of a value or a field. A keyword gets a `_` behind it.
pub(crate) fn value(name: &Ident) -> String {
    not_a_keyword(name.unraw().to_string())
}

/// The name of a type: `HttpClient` is `http_client`.
pub(crate) fn type_name(name: &Ident) -> String {
    let name = name.unraw().to_string();
    let mut snake = String::with_capacity(name.len() + 4);
    let mut before = '_';
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let begins_a_word = c.is_uppercase()
            && before != '_'
            && (!before.is_uppercase() || rest.peek().is_some_and(|next| next.is_lowercase()));
        if begins_a_word {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        before = c;
    }
    not_a_keyword(snake)
}

/// The name of the OCaml module for a Rust module: `http` is `Http`.
pub(crate) fn module(name: &Ident) -> Result<String> {
    let mut text = name.unraw().to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    check_module(&text, name.span()).map(|()| text)
}

/// Checks that `name` can be the name of a module in OCaml.
pub(crate) fn check_module(name: &str, span: Span) -> Result<()> {
    let goes_on = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    match goes_on && name.starts_with(|c: char| c.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            format!(
                "`{name}` is no name for a module in OCaml: it begins with a capital letter and has \
                 letters, digits and `_` only; choose one with `#[ocaml(name = \"...\")]`"
            ),
        )),
    }
}

fn not_a_keyword(mut name: String) -> String {
    if KEYWORDS.contains(&name.as_str()) || ["while", "with"].contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// A name for a value or a type that was chosen by hand.
pub(crate) fn chosen(name: &LitStr) -> Result<String> {
    let text = name.value();
    check(&text, name.span())?;
    if not_a_keyword(text.clone()) != text {
        return Err(Error::new(
            name.span(),
            format!("`{text}` is a keyword of OCaml"),
        ));
    }
    Ok(text)
}

/// Checks that this is the path of an OCaml type, with its arguments if it has any.
pub(crate) fn check_path(path: &LitStr) -> Result<()> {
    let text = path.value();
    let is_path = text.ends_with(|c: char| c == '_' || c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_'. (),*".contains(c))
        && !["(*", "*)"].iter().any(|comment| text.contains(comment));
    match is_path {
        true => Ok(()),
        false => Err(Error::new(
            path.span(),
            format!("`{text}` is no type of OCaml's: write one like `Module.t`"),
        )),
    }
}

/// Checks that `name` can be the name of a value or a type in OCaml.
pub(crate) fn check(name: &str, span: Span) -> Result<()> {
    let begins = name
        .chars()
        .next()
        .is_some_and(|c| c == '_' || c.is_ascii_lowercase());
    let goes_on = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if begins && goes_on && name != "_" {
        Ok(())
    } else {
        Err(Error::new(
            span,
            format!(
                "`{name}` is no name for a value or a type in OCaml: it begins with a small \
                 letter and has letters, digits and `_` only; choose one with `name = \"...\"`"
            ),
        ))
    }
}

/// The crate that is being compiled.
pub(crate) fn krate() -> String {
    std::env::var("CARGO_CRATE_NAME").unwrap_or_default()
}

/// The symbol of a stub of this crate for the Rust function `name`. No other stub has it.
///
/// The prefix tells it apart from symbols that are not ours. The length tells it apart from
/// the symbols of a crate whose name begins in the same way. If a second function has the
/// same name, in another module, its symbol gets a number, since no macro knows the module
/// in which it is used. The compiler expands the macros of a crate in one process and in
/// the same order each time, so two builds agree.
pub(crate) fn symbol(kind: &str, name: &str) -> String {
    static TAKEN: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());
    let krate = krate();
    let prefix = format!("lwt_rust_{kind}_{}{krate}", krate.len());
    let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let symbol = format!("{prefix}_{name}");
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let number = taken.entry(symbol.clone()).or_default();
    *number += 1;
    match *number {
        1 => symbol,
        // No function has a name that begins with a digit.
        number => format!("{prefix}_{number}_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::format_ident;

    #[test]
    fn types_are_in_snake_case() {
        for (rust, ocaml) in [
            ("Point", "point"),
            ("HttpClient", "http_client"),
            ("HTTPClient", "http_client"),
            ("Ipv4", "ipv4"),
            ("already_so", "already_so"),
            ("Type", "type_"),
        ] {
            assert_eq!(type_name(&format_ident!("{rust}")), ocaml);
        }
    }

    #[test]
    fn a_path_is_one_of_a_type() {
        let path = |text| check_path(&LitStr::new(text, Span::call_site())).is_ok();
        for text in ["int", "M.t", "(int * 'a, M.t) N.t", "int M.t"] {
            assert!(path(text), "{text}");
        }
        for text in ["", "t = int", "int\nlet f", "int (* t", "t *) int", "\"t"] {
            assert!(!path(text), "{text}");
        }
    }

    #[test]
    fn symbols_are_unique() {
        let krate = krate();
        let prefix = format!("lwt_rust_kind_{}{krate}", krate.len());
        for (name, expected) in [
            ("get", "get"),
            ("get", "2_get"),
            ("_2_get", "_2_get"),
            ("get", "3_get"),
            ("gët", "g_t"),
            ("g_t", "2_g_t"),
        ] {
            let symbol = symbol("kind", name);
            assert_eq!(symbol, format!("{prefix}_{expected}"));
        }
    }

    #[test]
    fn keywords_get_an_underscore() {
        assert_eq!(value(&format_ident!("val")), "val_");
        assert_eq!(value(&format_ident!("r#type")), "type_");
        assert_eq!(value(&format_ident!("value")), "value");
    }
}
