//! Functions that return an `impl Stream`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    AssocType, GenericArgument, PathArguments, PathSegment, Type, TypeImplTrait, TypeParamBound,
    parse_quote, parse_quote_spanned, spanned::Spanned,
};

use crate::function::is_result;

/// The type that OCaml gets in place of one with an `impl Stream`.
pub(crate) struct Boxed {
    pub(crate) ty: Type,
    /// A function that makes the value.
    pub(crate) boxes: TokenStream,
}

/// The type that OCaml gets for an `impl Stream<Item = T>`, or for a `Result` of one.
pub(crate) fn boxed(ty: &Type) -> Option<Boxed> {
    match ty {
        Type::ImplTrait(stream) => of_stream(stream),
        Type::Paren(inner) => boxed(&inner.elem),
        Type::Group(inner) => boxed(&inner.elem),
        Type::Path(path) if is_result(ty) => {
            let mut path = path.clone();
            let last = path.path.segments.last_mut()?;
            let PathArguments::AngleBracketed(arguments) = &mut last.arguments else {
                return None;
            };
            let Some(GenericArgument::Type(value)) = arguments.args.first_mut() else {
                return None;
            };
            let Boxed { ty, boxes } = boxed(value)?;
            *value = ty;
            Some(Boxed {
                ty: Type::Path(path),
                boxes: quote!(|result| ::core::result::Result::map(result, #boxes)),
            })
        }
        _ => None,
    }
}

fn of_stream(stream: &TypeImplTrait) -> Option<Boxed> {
    let item = stream.bounds.iter().find_map(item)?;
    let span = stream.span();
    Some(match is_result(item) {
        false => Boxed {
            ty: parse_quote_spanned!(span=> ::lwt_rust::LwtStream<#item>),
            boxes: quote_spanned!(span=> ::lwt_rust::LwtStream::new),
        },
        true => {
            let value: Type = parse_quote!(<#item as ::lwt_rust::expansion::Fallible>::Value);
            Boxed {
                ty: parse_quote_spanned!(span=> ::lwt_rust::LwtStream<#value>),
                boxes: quote_spanned!(span=> ::lwt_rust::LwtStream::fallible),
            }
        }
    })
}

/// Whether a type is an `impl Stream`.
pub(crate) fn is_stream(ty: &TypeImplTrait) -> bool {
    ty.bounds.iter().any(|bound| of_bound(bound).is_some())
}

/// The last part of a bound that is called `Stream`.
fn of_bound(bound: &TypeParamBound) -> Option<&PathSegment> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    bound
        .path
        .segments
        .last()
        .filter(|last| last.ident == "Stream")
}

/// The items of a bound that is called `Stream`.
fn item(bound: &TypeParamBound) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &of_bound(bound)?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Item" => Some(ty),
        _ => None,
    })
}
