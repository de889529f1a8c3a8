//! `FromOcaml`: Rust values of OCaml values.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Ident, Result, spanned::Spanned};

use super::{Component, Constructor, Declared, Shape, hash, is_flat, numbered};
use crate::record;

pub(crate) fn from_ocaml(item: &DeriveInput) -> Result<TokenStream> {
    let declared = Declared::new(item)?;
    let Declared { rust, name, .. } = &declared;
    let (body, flat) = match &declared.shape {
        Shape::Record(fields) => {
            let number = fields.len();
            let is_flat = is_flat(fields, &declared.parameters);
            let reads = reads(fields, 0);
            let body = quote! {
                let _level = ::lwt_rust::expansion::deeper_into_rust()?;
                let fields = ::lwt_rust::expansion::record_fields(value, #name, #number, #is_flat)?;
                ::core::result::Result::Ok(#rust { #reads })
            };
            (body, None)
        }
        Shape::Tuple(fields) => match fields.as_slice() {
            [] => {
                let body = quote! {
                    // SAFETY: the type is declared as `unit`.
                    unsafe { <() as ::lwt_rust::FromOcaml>::from_ocaml(value)? };
                    ::core::result::Result::Ok(#rust {})
                };
                (body, None)
            }
            [only] => {
                let (ty, member) = (only.crossing(), &only.member);
                let field = only.unwrapped(quote! {
                    // SAFETY: the type is declared to be the type of the field.
                    unsafe { <#ty as ::lwt_rust::FromOcaml>::from_ocaml(value)? }
                });
                let body = quote! {
                    ::core::result::Result::Ok(#rust { #member: #field })
                };
                let float = only.unwrapped(quote! {
                    <#ty as ::lwt_rust::FromOcaml>::from_float(float)?
                });
                let flat = quote! {
                    fn from_float(
                        float: f64,
                    ) -> ::core::result::Result<Self, ::lwt_rust::Error> {
                        ::core::result::Result::Ok(#rust { #member: #float })
                    }
                };
                (body, Some(flat))
            }
            fields => {
                let number = fields.len();
                let reads = reads(fields, 0);
                let body = quote! {
                    let fields =
                        ::lwt_rust::expansion::record_fields(value, #name, #number, false)?;
                    ::core::result::Result::Ok(#rust { #reads })
                };
                (body, None)
            }
        },
        Shape::Variant(constructors) => {
            let arms = match declared.is_polymorphic() {
                true => polymorphic_arms(constructors),
                false => ordinary_arms(constructors),
            };
            let read = match declared.is_polymorphic() {
                true => quote!(read_polymorphic),
                false => quote!(read_variant),
            };
            let body = quote! {
                match ::lwt_rust::expansion::#read(value, #name) {
                    #arms
                    _ => ::core::result::Result::Err(::lwt_rust::expansion::mismatch(#name)),
                }
            };
            (body, None)
        }
    };
    // Each type is looked at once. A type with parameters is another one for other arguments.
    let path = match declared.parameters.is_empty() {
        true => record::path(&rust.to_string()),
        false => quote!(::core::any::type_name::<Self>()),
    };
    let head = declared
        .parameters
        .implementation(&quote!(::lwt_rust::FromOcaml), rust);
    let looks =
        declared.shape.types().into_iter().map(
            |ty| quote_spanned!(ty.span()=> <#ty as ::lwt_rust::FromOcaml>::is_of_executor(seen)),
        );
    let object = declared.parameters.is_empty().then(|| object(rust));
    Ok(quote! {
        #object

        #head {
            const MAY_BE_OF_EXECUTOR: bool = true;

            fn is_of_executor(seen: &mut ::lwt_rust::expansion::Seen) -> bool {
                seen.is_new(#path)
                    && (false #(|| #looks)*)
            }

            unsafe fn from_ocaml(
                value: ::lwt_rust::Val<'_>,
            ) -> ::core::result::Result<Self, ::lwt_rust::Error> {
                #body
            }

            #flat
        }
    })
}

/// What lets the type have methods: OCaml gives a copy.
fn object(rust: &Ident) -> TokenStream {
    quote! {
        impl ::lwt_rust::expansion::Object for #rust {
            type Shared = Self;
            type Whole = Self;

            fn by_reference(shared: &Self) -> &Self {
                shared
            }

            fn by_arc(shared: Self) -> ::std::sync::Arc<Self> {
                ::std::sync::Arc::new(shared)
            }

            fn by_value(whole: Self) -> Self {
                whole
            }
        }
    }
}

/// The fields of a struct or a variant, read from `fields`, where they begin at `first`.
pub(super) fn reads(components: &[Component<'_>], first: usize) -> TokenStream {
    let reads = components.iter().enumerate().map(|(index, component)| {
        let (ty, member) = (component.crossing(), &component.member);
        let index = first + index;
        // SAFETY: the type is declared with a field of that type at this index.
        let field = component.unwrapped(quote_spanned! {ty.span()=>
            unsafe { fields.read::<#ty>(#index)? }
        });
        quote!(#member: #field)
    });
    quote!(#(#reads),*)
}

fn ordinary_arms(constructors: &[Constructor<'_>]) -> TokenStream {
    let arms = numbered(constructors).map(|(number, constructor)| {
        let rust = constructor.rust;
        if constructor.arguments.is_empty() {
            let number = number as i64;
            return quote! {
                ::lwt_rust::expansion::Read::Constant(#number) =>
                    ::core::result::Result::Ok(Self::#rust {}),
            };
        }
        let tag = number as u8;
        let size = constructor.arguments.len();
        let reads = reads(&constructor.arguments, 0);
        quote! {
            ::lwt_rust::expansion::Read::Block(#tag, fields) if fields.are(#size) => {
                let _level = ::lwt_rust::expansion::deeper_into_rust()?;
                ::core::result::Result::Ok(Self::#rust { #reads })
            }
        }
    });
    quote!(#(#arms)*)
}

fn polymorphic_arms(constructors: &[Constructor<'_>]) -> TokenStream {
    let arms = constructors.iter().map(|constructor| {
        let rust = constructor.rust;
        let hash = hash(&constructor.name);
        match constructor.arguments.as_slice() {
            [] => quote! {
                ::lwt_rust::expansion::Read::Constant(#hash) =>
                    ::core::result::Result::Ok(Self::#rust {}),
            },
            [only] => {
                let (ty, member) = (only.crossing(), &only.member);
                let field = only.unwrapped(quote! {
                    // SAFETY: it is the argument of that constructor.
                    unsafe { <#ty as ::lwt_rust::FromOcaml>::from_ocaml(content)? }
                });
                quote! {
                    ::lwt_rust::expansion::Read::Tagged(#hash, content) => {
                        let _level = ::lwt_rust::expansion::deeper_into_rust()?;
                        ::core::result::Result::Ok(Self::#rust { #member: #field })
                    }
                }
            }
            arguments => {
                let number = arguments.len();
                let name = &constructor.name;
                let reads = reads(arguments, 0);
                quote! {
                    ::lwt_rust::expansion::Read::Tagged(#hash, content) => {
                        let _level = ::lwt_rust::expansion::deeper_into_rust()?;
                        let fields =
                            ::lwt_rust::expansion::record_fields(content, #name, #number, false)?;
                        ::core::result::Result::Ok(Self::#rust { #reads })
                    }
                }
            }
        }
    });
    quote!(#(#arms)*)
}
