//! `OcamlException`: the exceptions of an error type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Type, ext::IdentExt,
    spanned::Spanned,
};

use super::{
    Constructor, constructor_of, describe, from_ocaml::reads, into_ocaml::bound, not_generic,
};
use crate::{
    attributes::{self, exception_options},
    names,
    record::{self, Item},
};

/// A variant of the error, or the struct.
struct Case<'a> {
    /// The pattern of the value, without its fields: `Self::NotFound`.
    path: TokenStream,
    becomes: Becomes<'a>,
}

enum Becomes<'a> {
    Exception {
        constructor: Constructor<'a>,
        /// Whether OCaml does not get all fields. Then no error can be made of the exception.
        lacks_some: bool,
        /// The OCaml exception that this one is; empty if it is a new one.
        same_as: String,
    },
    /// What the error in its only field becomes.
    Other { member: syn::Member, ty: &'a Type },
}

/// A case that is an exception.
struct Exception<'c> {
    path: &'c TokenStream,
    constructor: &'c Constructor<'c>,
    lacks_some: bool,
    same_as: &'c str,
}

impl Case<'_> {
    fn exception(&self) -> Option<Exception<'_>> {
        match &self.becomes {
            Becomes::Exception {
                constructor,
                lacks_some,
                same_as,
            } => Some(Exception {
                path: &self.path,
                constructor,
                lacks_some: *lacks_some,
                same_as,
            }),
            Becomes::Other { .. } => None,
        }
    }
}

pub(crate) fn ocaml_exception(item: &DeriveInput) -> Result<TokenStream> {
    not_generic(item)?;
    let cases = cases(item)?;
    let rust = &item.ident;
    let exceptions: Vec<Exception<'_>> = cases.iter().filter_map(Case::exception).collect();
    let are_new = exceptions
        .iter()
        .map(|exception| exception.same_as.is_empty());
    let mut number = 0_usize;
    let parts = cases.iter().map(|case| match &case.becomes {
        Becomes::Exception { constructor, .. } => {
            number += 1;
            parts_of_exception(&case.path, number - 1, constructor)
        }
        Becomes::Other { member, ty } => {
            let path = &case.path;
            let other = quote_spanned! {ty.span()=>
                ::lwt_rust::expansion::Inner::<#ty>::of(error).parts()
            };
            quote! {
                #path { #member: error } => ::core::result::Result::Ok(#other),
            }
        }
    });
    let of_parts = exceptions
        .iter()
        .enumerate()
        .filter(|(_, exception)| !exception.lacks_some);
    let of_parts = of_parts.map(|(number, exception)| {
        // The first field of an exception with arguments is its constructor.
        let size = match exception.constructor.arguments.len() {
            0 => quote!(),
            count => {
                let size = count + 1;
                quote!(if fields.are(#size))
            }
        };
        let path = exception.path;
        let reads = reads(&exception.constructor.arguments, 1);
        quote!(#number #size => ::core::result::Result::Ok(#path { #reads }),)
    });
    let symbol = names::symbol("exceptions", &rust.unraw().to_string());
    let record = record(rust, &symbol, &item.attrs, &exceptions);
    let name = rust.to_string();
    Ok(quote! {
        // SAFETY: the record below declares exceptions with these arguments.
        unsafe impl ::lwt_rust::OcamlException for #rust {
            const EXCEPTIONS: &'static [bool] = &[#(#are_new),*];

            fn parts(
                &self,
                lock: &mut ::lwt_rust::Lock,
            ) -> ::core::result::Result<::lwt_rust::expansion::Parts<'_>, ::lwt_rust::Error> {
                match self { #(#parts)* }
            }

            unsafe fn of_parts(
                number: usize,
                fields: ::lwt_rust::expansion::Fields<'_>,
            ) -> ::core::result::Result<Self, ::lwt_rust::Error> {
                match number {
                    #(#of_parts)*
                    _ => ::core::result::Result::Err(::lwt_rust::expansion::mismatch(#name)),
                }
            }
        }

        // SAFETY: this is the symbol of the stub below, which the record describes.
        unsafe impl ::lwt_rust::expansion::Member for #rust {
            const SYMBOL: &'static str = #symbol;
        }

        const _: () = {
            #[unsafe(export_name = #symbol)]
            extern "C" fn __lwt_rust_exceptions(
                constructors: ::lwt_rust::expansion::Raw,
            ) -> ::lwt_rust::expansion::Raw {
                // SAFETY: OCaml knows this symbol by the bindings that were made of the
                // record, which give it the constructors of the exceptions in it.
                unsafe { ::lwt_rust::expansion::exceptions::<#rust>(constructors) }
            }
        };

        #record
    })
}

fn cases(item: &DeriveInput) -> Result<Vec<Case<'_>>> {
    match &item.data {
        Data::Enum(data) if data.variants.is_empty() => Err(Error::new(
            item.ident.span(),
            "an enum without variants has no value, so it is no error",
        )),
        Data::Struct(data) => {
            // The name of a struct in the attributes of its exception is that of a type for
            // the other derives.
            let case = case(&item.ident, quote!(Self), &item.attrs, &data.fields)?;
            if let Becomes::Other { ty, .. } = &case.becomes {
                return Err(Error::new(
                    ty.span(),
                    "`transparent` is for a variant: a struct that is one error in another needs \
                     no exception of its own",
                ));
            }
            Ok(vec![case])
        }
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| {
                let ident = &variant.ident;
                case(ident, quote!(Self::#ident), &variant.attrs, &variant.fields)
            })
            .collect(),
        Data::Union(data) => Err(Error::new(
            data.union_token.span(),
            "OCaml has no unions: use an enum",
        )),
    }
}

fn case<'a>(
    ident: &'a Ident,
    path: TokenStream,
    attributes: &[Attribute],
    fields: &'a Fields,
) -> Result<Case<'a>> {
    let options = exception_options(attributes)?;
    if let Some(transparent) = options.transparent {
        let mut fields = fields.members().zip(fields);
        let becomes = match (fields.next(), fields.next()) {
            (Some((member, field)), None) => Becomes::Other {
                member,
                ty: &field.ty,
            },
            _ => {
                return Err(Error::new(
                    transparent,
                    "`transparent` is for a variant with one field, which is an error",
                ));
            }
        };
        return Ok(Case { path, becomes });
    }
    let same_as = match &options.same_as {
        Some(path) => {
            check_exception(path)?;
            path.value()
        }
        None => String::new(),
    };
    let mut constructor = constructor_of(ident, options.name, attributes, fields)?;
    let all = constructor.arguments.len();
    constructor
        .arguments
        .retain(|argument| argument.skip.is_none());
    Ok(Case {
        path,
        becomes: Becomes::Exception {
            lacks_some: constructor.arguments.len() < all,
            constructor,
            same_as,
        },
    })
}

/// Checks that this is the path of an OCaml exception.
fn check_exception(path: &LitStr) -> Result<()> {
    let text = path.value();
    // A name without a module could be that of an exception of the generated module.
    let is_path = text.contains('.')
        && text.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_uppercase())
                && part
                    .chars()
                    .all(|c| c == '_' || c == '\'' || c.is_ascii_alphanumeric())
        });
    match is_path {
        true => Ok(()),
        false => Err(Error::new(
            path.span(),
            format!("`{text}` is no exception of OCaml's: write one like `Stdlib.Not_found`"),
        )),
    }
}

fn parts_of_exception(
    path: &TokenStream,
    number: usize,
    constructor: &Constructor<'_>,
) -> TokenStream {
    let (names, pattern) = bound(&constructor.arguments);
    let pattern = match names.as_slice() {
        [] => pattern,
        _ => quote!(#pattern,),
    };
    let arguments = constructor
        .arguments
        .iter()
        .zip(&names)
        .map(|(argument, name)| {
            let ty = argument.crossing();
            let value = argument.wrapped(quote!(::core::clone::Clone::clone(#name)));
            quote_spanned! {ty.span()=>
                ::lwt_rust::expansion::argument_of_exception::<#ty>(#value, lock)?
            }
        });
    quote! {
        #path { #pattern .. } => ::core::result::Result::Ok(
            ::lwt_rust::expansion::Parts::Exception(#number, ::std::vec![#(#arguments),*])
        ),
    }
}

fn record(
    rust: &Ident,
    symbol: &str,
    attributes: &[Attribute],
    exceptions: &[Exception<'_>],
) -> TokenStream {
    // The doc comment of a struct is that of its only exception.
    let doc = match exceptions {
        [only] if only.constructor.rust == rust => String::new(),
        _ => attributes::doc(attributes),
    };
    let head = Item::new("exceptions")
        .text(names::krate())
        .text(record::path(&rust.to_string()))
        .text(names::type_name(rust))
        .text(symbol)
        .text(doc);
    let items = exceptions.iter().flat_map(|exception| {
        let Exception {
            constructor,
            same_as,
            ..
        } = exception;
        let exception = Item::new("exception").text(same_as);
        std::iter::once(exception).chain(describe::constructor_items(constructor))
    });
    record::record(&std::iter::once(head).chain(items).collect::<Vec<_>>())
}
