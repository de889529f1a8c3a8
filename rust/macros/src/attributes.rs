//! The contents of attributes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Result, Type, spanned::Spanned};

use crate::names;

/// The text of the doc comments, without the space that each line begins with.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .flat_map(|text| {
            text.split('\n')
                .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The `cfg` attributes, which decide whether the item exists.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .collect()
}

/// The options of a type in `#[ocaml(...)]`.
#[derive(Default)]
pub(crate) struct TypeOptions {
    /// `name = "..."`
    pub(crate) name: Option<String>,
    /// `same_as = "..."`: the OCaml type that this type is the same as.
    pub(crate) same_as: Option<LitStr>,
    /// `polymorphic`: a variant is a polymorphic one.
    pub(crate) polymorphic: Option<Span>,
    /// `size = path`: a function that returns how many bytes a value keeps.
    pub(crate) size: Option<syn::Path>,
}

pub(crate) fn type_options(attributes: &[Attribute]) -> Result<TypeOptions> {
    let mut options = TypeOptions::default();
    for attribute in ocaml(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(names::chosen(&meta.value()?.parse::<LitStr>()?)?);
            } else if meta.path.is_ident("same_as") {
                let path = meta.value()?.parse()?;
                names::check_path(&path)?;
                options.same_as = Some(path);
            } else if meta.path.is_ident("polymorphic") {
                options.polymorphic = Some(meta.path.span());
            } else if meta.path.is_ident("size") {
                options.size = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error(
                    "unknown option; a type has `name = \"...\"` and `crate = \"...\"`, a record or a variant also \
                     `same_as = \"Module.t\"`, a variant `polymorphic`, an abstract type `size = \
                     function`",
                ));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

/// The name that `#[ocaml(name = "...")]` gives a constructor.
pub(crate) fn name(attributes: &[Attribute]) -> Result<Option<LitStr>> {
    let mut name = None;
    for attribute in ocaml(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = Some(meta.value()?.parse()?);
                Ok(())
            } else {
                Err(meta.error("unknown option; there is `name = \"...\"`"))
            }
        })?;
    }
    Ok(name)
}

/// The options of an exception in `#[ocaml(...)]`.
#[derive(Default)]
pub(crate) struct ExceptionOptions {
    /// `name = "..."`
    pub(crate) name: Option<LitStr>,
    /// `same_as = "..."`: the OCaml exception that this one is.
    pub(crate) same_as: Option<LitStr>,
    /// `transparent`: the error becomes what the error in it becomes.
    pub(crate) transparent: Option<Span>,
}

pub(crate) fn exception_options(attributes: &[Attribute]) -> Result<ExceptionOptions> {
    let mut options = ExceptionOptions::default();
    for attribute in ocaml(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("same_as") {
                options.same_as = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("transparent") {
                options.transparent = Some(meta.path.span());
            } else {
                return Err(meta.error(
                    "unknown option; an exception has `name = \"...\"`, `same_as = \
                     \"Module.Exception\"` and `transparent`",
                ));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

/// The options of a field in `#[ocaml(...)]`.
#[derive(Default)]
pub(crate) struct FieldOptions {
    /// `name = "..."`
    pub(crate) name: Option<LitStr>,
    /// `skip`: OCaml does not get the field of an exception.
    pub(crate) skip: Option<Span>,
    /// `with = Type`: the type that stands for that of the field in OCaml.
    pub(crate) with: Option<Type>,
}

/// The type by which a value of type `ty` crosses.
pub(crate) fn crossing(ty: &Type, with: Option<&Type>) -> TokenStream {
    match with {
        Some(with) => quote_spanned!(with.span()=> ::lwt_rust::expansion::With<#ty, #with>),
        None => ty.to_token_stream(),
    }
}

pub(crate) fn field_options(attributes: &[Attribute]) -> Result<FieldOptions> {
    let mut options = FieldOptions::default();
    for attribute in ocaml(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("skip") {
                options.skip = Some(meta.path.span());
            } else if meta.path.is_ident("with") {
                options.with = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error(
                    "unknown option; a field has `name = \"...\"` and `with = Type`, and one of \
                     an exception `skip`",
                ));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

/// The options of an argument in `#[ocaml(...)]`.
#[derive(Clone, Default)]
pub(crate) struct ArgumentOptions {
    /// `name = "..."`
    pub(crate) name: Option<LitStr>,
    /// `label`: OCaml names the argument.
    pub(crate) label: Option<Span>,
    /// `optional`: OCaml names the argument, or leaves it out.
    pub(crate) optional: Option<Span>,
    /// `with = Type`: the type that stands for that of the argument in OCaml.
    pub(crate) with: Option<Type>,
}

/// Takes the options of an argument away from its attributes.
pub(crate) fn take_argument_options(attributes: &mut Vec<Attribute>) -> Result<ArgumentOptions> {
    let options = argument_options(attributes);
    attributes.retain(|attribute| !attribute.path().is_ident("ocaml"));
    options
}

fn argument_options(attributes: &[Attribute]) -> Result<ArgumentOptions> {
    let mut options = ArgumentOptions::default();
    for attribute in ocaml(attributes) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("label") {
                options.label = Some(meta.path.span());
            } else if meta.path.is_ident("optional") {
                options.optional = Some(meta.path.span());
            } else if meta.path.is_ident("with") {
                options.with = Some(meta.value()?.parse()?);
            } else {
                return Err(meta.error(
                    "unknown option; an argument has `label`, `optional`, `name = \"...\"` and \
                     `with = Type`",
                ));
            }
            Ok(())
        })?;
    }
    Ok(options)
}

fn ocaml(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("ocaml"))
}
