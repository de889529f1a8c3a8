//! Conditions within an item: `#[cfg(...)]` and `#[cfg_attr(...)]` on an argument, and
//! `#[cfg_attr(...)]` on a method.
//!
//! The compiler evaluates the conditions of an item before it expands our attribute, and those
//! within the item later. No macro can evaluate one. So an item with a condition becomes two,
//! each with our attribute: one for the case that the condition holds, and one for the other
//! case. The compiler expands the attribute only of the one that is left. If that item has
//! another condition, the same happens again.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, FnArg, ImplItem, Item, Meta, Result, Token, TraitItem,
    parse::{ParseStream, Parser},
    parse_quote_spanned,
    punctuated::Punctuated,
    spanned::Spanned,
};

use crate::refusal;

/// Expands the attribute of the name `attribute`, by `expand` if the item has no conditions.
pub(crate) fn expand(
    attribute: &str,
    options: TokenStream,
    item: TokenStream,
    expand: fn(TokenStream, TokenStream) -> TokenStream,
) -> TokenStream {
    match split(attribute, &options, &item) {
        Ok(None) => expand(options, item),
        Ok(Some(both)) => both,
        Err(error) => refusal::of_item(item, &error),
    }
}

/// The two items for the first condition in `item`, if there is one.
fn split(
    attribute: &str,
    options: &TokenStream,
    item: &TokenStream,
) -> Result<Option<TokenStream>> {
    if !mentions_conditions(item.clone()) {
        return Ok(None);
    }
    // An item of which our attribute says what is wrong has no conditions here.
    let Ok(mut without) = syn::parse2::<Item>(item.clone()) else {
        return Ok(None);
    };
    let Some(predicate) = first(&mut without)? else {
        return Ok(None);
    };
    let mut with = without.clone();
    decide(&mut with, &predicate, true)?;
    decide(&mut without, &predicate, false)?;
    let attribute = Ident::new(attribute, Span::call_site());
    let attribute = quote!(#[::lwt_rust::#attribute(crate = ::lwt_rust, #options)]);
    Ok(Some(quote! {
        #[cfg(#predicate)]
        #attribute
        #with

        #[cfg(not(#predicate))]
        #attribute
        #without
    }))
}

/// Whether the tokens have a condition anywhere. Most items have none, and need not be read
/// twice.
fn mentions_conditions(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => mentions_conditions(group.stream()),
        TokenTree::Ident(name) => name == "cfg" || name == "cfg_attr",
        _ => false,
    })
}

type Arguments = Punctuated<FnArg, Token![,]>;

/// The functions of an item that our attributes read: their own attributes, and their
/// arguments. The compiler evaluates the conditions of the item itself.
fn functions(item: &mut Item) -> Vec<(Option<&mut Vec<Attribute>>, &mut Arguments)> {
    match item {
        Item::Fn(function) => vec![(None, &mut function.sig.inputs)],
        Item::Impl(block) => {
            let functions = block.items.iter_mut().filter_map(|item| match item {
                ImplItem::Fn(method) => Some((Some(&mut method.attrs), &mut method.sig.inputs)),
                _ => None,
            });
            functions.collect()
        }
        Item::Trait(interface) => {
            let functions = interface.items.iter_mut().filter_map(|item| match item {
                TraitItem::Fn(method) if method.default.is_none() => {
                    Some((Some(&mut method.attrs), &mut method.sig.inputs))
                }
                _ => None,
            });
            functions.collect()
        }
        _ => Vec::new(),
    }
}

fn attributes(argument: &mut FnArg) -> &mut Vec<Attribute> {
    match argument {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(argument) => &mut argument.attrs,
    }
}

/// The predicate of the first condition.
fn first(item: &mut Item) -> Result<Option<TokenStream>> {
    for (of_method, arguments) in functions(item) {
        // The code for a method has the `#[cfg(...)]` of the method.
        let of_method = of_method.into_iter().flatten();
        let of_method = of_method.filter(|attribute| !attribute.path().is_ident("cfg"));
        let of_arguments = arguments.iter_mut().flat_map(attributes);
        for attribute in of_method.chain(of_arguments) {
            if let Some(condition) = Condition::of(attribute)? {
                return Ok(Some(condition.predicate));
            }
        }
    }
    Ok(None)
}

/// Makes the item one for which it is known whether the predicate holds.
fn decide(item: &mut Item, predicate: &TokenStream, holds: bool) -> Result<()> {
    let predicate = predicate.to_string();
    for (of_method, arguments) in functions(item) {
        if let Some(of_method) = of_method {
            let (cfgs, others): (Vec<Attribute>, _) = of_method
                .drain(..)
                .partition(|attribute| attribute.path().is_ident("cfg"));
            let (decided, _) = decided(others, &predicate, holds)?;
            of_method.extend(cfgs.into_iter().chain(decided));
        }
        let mut left = Arguments::new();
        for mut argument in std::mem::take(arguments) {
            let all = attributes(&mut argument);
            let (decided, is_there) = decided(std::mem::take(all), &predicate, holds)?;
            *all = decided;
            if is_there {
                left.push(argument);
            }
        }
        *arguments = left;
    }
    Ok(())
}

/// The attributes that are left, and whether their argument is.
fn decided(
    attributes: Vec<Attribute>,
    predicate: &str,
    holds: bool,
) -> Result<(Vec<Attribute>, bool)> {
    let (mut left, mut is_there) = (Vec::new(), true);
    for attribute in attributes {
        match Condition::of(&attribute)? {
            Some(condition) if condition.predicate.to_string() == predicate => {
                match (condition.then, holds) {
                    (None, holds) => is_there &= holds,
                    (Some(metas), true) => {
                        left.extend(metas.into_iter().map(|meta| -> Attribute {
                            // An error for the attribute is at its own place.
                            parse_quote_spanned!(meta.span()=> #[#meta])
                        }));
                    }
                    (Some(_), false) => {}
                }
            }
            _ => left.push(attribute),
        }
    }
    Ok((left, is_there))
}

struct Condition {
    predicate: TokenStream,
    /// The attributes of a `cfg_attr`.
    then: Option<Vec<Meta>>,
}

impl Condition {
    /// Reads an attribute. If it is no condition although it is called so, the compiler reports
    /// it.
    fn of(attribute: &Attribute) -> Result<Option<Self>> {
        let is_cfg = attribute.path().is_ident("cfg");
        let list = match &attribute.meta {
            Meta::List(list) if is_cfg || list.path.is_ident("cfg_attr") => list,
            _ => return Ok(None),
        };
        let condition = |input: ParseStream<'_>| {
            let mut predicate = TokenStream::new();
            while !input.is_empty() && !input.peek(Token![,]) {
                input.parse::<TokenTree>()?.to_tokens(&mut predicate);
            }
            let comma: Option<Token![,]> = input.parse()?;
            if is_cfg {
                let rest: TokenStream = input.parse()?;
                let is_whole = !predicate.is_empty() && rest.is_empty();
                let then = None;
                return Ok(is_whole.then_some(Condition { predicate, then }));
            }
            let metas = Punctuated::<Meta, Token![,]>::parse_terminated(input)?;
            let is_whole = !predicate.is_empty() && comma.is_some();
            let then = Some(metas.into_iter().collect());
            Ok(is_whole.then_some(Condition { predicate, then }))
        };
        condition.parse2(list.tokens.clone())
    }
}
