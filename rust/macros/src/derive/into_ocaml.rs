//! `IntoOcaml`: OCaml values of Rust values.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{DeriveInput, Result};

use super::{Component, Constructor, Declared, Shape, hash, is_flat, numbered};

pub(crate) fn into_ocaml(item: &DeriveInput) -> Result<TokenStream> {
    let declared = Declared::new(item)?;
    let rust = declared.rust;
    let body = match &declared.shape {
        Shape::Record(fields) => {
            let (names, pattern) = bound(fields);
            let is_flat = is_flat(fields, &declared.parameters);
            let fields = roots(fields, &names);
            quote! {
                let #rust { #pattern } = self;
                #fields
                // SAFETY: these are the fields of the type that is declared.
                unsafe { ::lwt_rust::expansion::record(lock, #is_flat, &fields.each_ref()) }
            }
        }
        Shape::Tuple(fields) => match fields.as_slice() {
            [] => quote!(<() as ::lwt_rust::IntoOcaml>::into_ocaml((), lock)),
            [only] => {
                let (ty, member) = (only.crossing(), &only.member);
                let field = only.wrapped(quote!(self.#member));
                quote!(<#ty as ::lwt_rust::IntoOcaml>::into_ocaml(#field, lock))
            }
            fields => {
                let (names, pattern) = bound(fields);
                let fields = roots(fields, &names);
                quote! {
                    let #rust { #pattern } = self;
                    #fields
                    // SAFETY: these are the components of the tuple that is declared.
                    unsafe { ::lwt_rust::expansion::record(lock, false, &fields.each_ref()) }
                }
            }
        },
        Shape::Variant(constructors) => {
            let arms = match declared.is_polymorphic() {
                true => constructors.iter().map(polymorphic_arm).collect(),
                false => numbered(constructors)
                    .map(|(number, constructor)| ordinary_arm(number, constructor))
                    .collect::<TokenStream>(),
            };
            quote!(match self { #arms })
        }
    };
    let head = declared
        .parameters
        .implementation(&quote!(::lwt_rust::IntoOcaml), rust);
    Ok(quote! {
        // SAFETY: the value is made as the type is declared.
        unsafe #head {
            fn into_ocaml(
                self,
                lock: &mut ::lwt_rust::Lock,
            ) -> ::core::result::Result<::lwt_rust::Val<'_>, ::lwt_rust::Error> {
                #body
            }
        }
    })
}

/// Our own names for the components, and the pattern that binds them.
pub(super) fn bound(components: &[Component<'_>]) -> (Vec<Ident>, TokenStream) {
    let names: Vec<Ident> = (0..components.len())
        .map(|index| format_ident!("component_{index}", span = Span::mixed_site()))
        .collect();
    let members = components.iter().map(|component| &component.member);
    let pattern = quote!(#(#members: #names),*);
    (names, pattern)
}

/// Converts the components that were bound to `names` into `fields`, one level deeper. If
/// one cannot be converted, `given_up` drops or leaks the rest.
fn roots(components: &[Component<'_>], names: &[Ident]) -> TokenStream {
    let number = names.len();
    let indices = (0..number).map(syn::Index::from);
    let values = components
        .iter()
        .zip(names)
        .map(|(component, name)| component.wrapped(quote!(#name)));
    quote! {
        let mut rest = (#(::core::option::Option::Some(#values),)*);
        let mut fields = || {
            let _level = ::lwt_rust::expansion::deeper_into_ocaml()?;
            ::core::result::Result::Ok([
                #(::lwt_rust::expansion::component(&mut rest.#indices, lock)?),*
            ])
        };
        let fields: ::core::result::Result<[::lwt_rust::Root; #number], ::lwt_rust::Error> =
            fields();
        let fields = match fields {
            ::core::result::Result::Ok(fields) => fields,
            ::core::result::Result::Err(error) => {
                return ::core::result::Result::Err(
                    ::lwt_rust::expansion::given_up(error, rest)
                );
            }
        };
    }
}

fn ordinary_arm(number: usize, constructor: &Constructor<'_>) -> TokenStream {
    let rust = constructor.rust;
    if constructor.arguments.is_empty() {
        let number = number as i64;
        return quote! {
            Self::#rust {} => ::core::result::Result::Ok(
                ::lwt_rust::expansion::constant(#number)
            ),
        };
    }
    let (names, pattern) = bound(&constructor.arguments);
    let fields = roots(&constructor.arguments, &names);
    let tag = number as u8;
    quote! {
        Self::#rust { #pattern } => {
            #fields
            // SAFETY: these are the arguments of the constructor with that tag.
            ::core::result::Result::Ok(unsafe {
                ::lwt_rust::expansion::block(lock, #tag, &fields.each_ref())
            })
        }
    }
}

fn polymorphic_arm(constructor: &Constructor<'_>) -> TokenStream {
    let rust = constructor.rust;
    let hash = hash(&constructor.name);
    let (names, pattern) = bound(&constructor.arguments);
    let fields = roots(&constructor.arguments, &names);
    let content = match names.as_slice() {
        [] => {
            return quote! {
                Self::#rust {} => ::core::result::Result::Ok(
                    ::lwt_rust::expansion::constant(#hash)
                ),
            };
        }
        [_] => quote! {
            {
                #fields
                let [content] = fields;
                content
            }
        },
        _ => quote! {
            {
                #fields
                // SAFETY: these are the components of the constructor's argument.
                ::lwt_rust::Root::new(unsafe {
                    ::lwt_rust::expansion::block(lock, 0, &fields.each_ref())
                })
            }
        },
    };
    quote! {
        Self::#rust { #pattern } => {
            let content = #content;
            ::core::result::Result::Ok(
                ::lwt_rust::expansion::tagged(lock, #hash, &content)
            )
        }
    }
}
