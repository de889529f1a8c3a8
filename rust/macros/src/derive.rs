//! The derives: records, variants, and names for other types.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Data, DeriveInput, Error, Field, Fields, Result, Type, spanned::Spanned};

use crate::{
    attributes::{self, TypeOptions, type_options},
    names,
    record::{self, Item},
};

/// A Rust type as OCaml sees it.
struct Declared<'a> {
    rust: &'a Ident,
    name: String,
    options: TypeOptions,
    doc: String,
    shape: Shape<'a>,
}

enum Shape<'a> {
    Record(Vec<Component<'a>>),
    /// A struct of unnamed fields. In OCaml it is its only field, or a tuple.
    Tuple(Vec<Component<'a>>),
    Variant(Vec<Constructor<'a>>),
}

impl<'a> Shape<'a> {
    /// The types of all fields and arguments.
    fn types(&self) -> Vec<&'a Type> {
        let components: Vec<&Component<'a>> = match self {
            Shape::Record(fields) | Shape::Tuple(fields) => fields.iter().collect(),
            Shape::Variant(constructors) => constructors
                .iter()
                .flat_map(|constructor| &constructor.arguments)
                .collect(),
        };
        components
            .into_iter()
            .map(|component| component.ty)
            .collect()
    }
}

struct Constructor<'a> {
    rust: &'a Ident,
    name: String,
    doc: String,
    /// Whether the arguments are those of a record.
    is_record: bool,
    arguments: Vec<Component<'a>>,
}

struct Component<'a> {
    /// The name in OCaml; empty if it has none.
    name: String,
    /// The name in Rust: an identifier or an index.
    member: syn::Member,
    ty: &'a Type,
    doc: String,
}

/// The most constructors with arguments for which OCaml has tags.
const MOST_TAGS: usize = 244;

/// The most fields of a block that is made in one go.
const MOST_FIELDS: usize = 256;

impl<'a> Declared<'a> {
    fn new(item: &'a DeriveInput) -> Result<Self> {
        not_generic(item)?;
        let options = type_options(&item.attrs)?;
        if let Some(size) = &options.size {
            return Err(Error::new(size.span(), "`size` is for an abstract type"));
        }
        let shape = match &item.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) if !fields.named.is_empty() => {
                    Shape::Record(named(&data.fields)?)
                }
                _ => Shape::Tuple(unnamed(&data.fields)?),
            },
            Data::Enum(data) if data.variants.is_empty() => {
                return Err(Error::new(
                    item.ident.span(),
                    "an enum without variants has no value to give to OCaml",
                ));
            }
            Data::Enum(data) => Shape::Variant(
                data.variants
                    .iter()
                    .map(constructor)
                    .collect::<Result<_>>()?,
            ),
            Data::Union(data) => {
                return Err(Error::new(
                    data.union_token.span(),
                    "OCaml has no unions: use an enum",
                ));
            }
        };
        let declared = Declared {
            rust: &item.ident,
            name: ocaml_name(&options, &item.ident)?,
            options,
            doc: attributes::doc(&item.attrs),
            shape,
        };
        declared.check()?;
        Ok(declared)
    }

    fn check(&self) -> Result<()> {
        let fits = match &self.shape {
            Shape::Record(fields) | Shape::Tuple(fields) => fields.len() <= MOST_FIELDS,
            Shape::Variant(constructors) => {
                let tags = constructors
                    .iter()
                    .filter(|constructor| !constructor.arguments.is_empty());
                tags.clone().count() <= MOST_TAGS
                    && tags.fold(0, |most, constructor| constructor.arguments.len().max(most))
                        <= MOST_FIELDS
            }
        };
        if !fits {
            return Err(Error::new(
                self.rust.span(),
                "a type for OCaml has at most 244 constructors with arguments, and at most 256 \
                 fields in one place",
            ));
        }
        self.check_same_as()?;
        match (&self.shape, self.options.polymorphic) {
            (Shape::Variant(constructors), Some(_)) => constructors
                .iter()
                .find(|constructor| constructor.is_record)
                .map_or(Ok(()), |constructor| {
                    Err(Error::new(
                        constructor.rust.span(),
                        "a polymorphic variant has no named fields: use a struct",
                    ))
                }),
            (Shape::Record(_) | Shape::Tuple(_), Some(polymorphic)) => {
                Err(Error::new(polymorphic, "`polymorphic` is for an enum"))
            }
            (_, None) => Ok(()),
        }
    }

    /// Refuses `same_as` where OCaml would not declare a new type, and so could not compare
    /// it with the other one.
    fn check_same_as(&self) -> Result<()> {
        let Some(same_as) = &self.options.same_as else {
            return Ok(());
        };
        let reason = match &self.shape {
            Shape::Record(_) => return Ok(()),
            Shape::Variant(_) if !self.is_polymorphic() => return Ok(()),
            Shape::Variant(_) => {
                "`same_as` is for a record or an ordinary variant: all polymorphic variants with \
                 these constructors are the same type of OCaml's, so leave it out"
            }
            Shape::Tuple(_) => {
                "`same_as` is for a record or a variant: a struct without named fields is the type \
                 of its fields in OCaml, so leave it out; if OCaml has an abstract type for these \
                 values, implement `OcamlType` by hand, with `Type::named(\"Module.t\")`"
            }
        };
        Err(Error::new(same_as.span(), reason))
    }

    fn is_polymorphic(&self) -> bool {
        self.options.polymorphic.is_some()
    }
}

fn not_generic(item: &DeriveInput) -> Result<()> {
    match item.generics.params.first() {
        None => Ok(()),
        Some(parameter) => Err(Error::new(
            parameter.span(),
            "a type for OCaml has no parameters: write one type for each use, or give the type \
             to OCaml as an abstract one",
        )),
    }
}

fn ocaml_name(options: &TypeOptions, ident: &Ident) -> Result<String> {
    match &options.name {
        Some(name) => Ok(name.clone()),
        None => {
            let name = names::type_name(ident);
            names::check(&name, ident.span())?;
            Ok(name)
        }
    }
}

fn named(fields: &Fields) -> Result<Vec<Component<'_>>> {
    fields
        .iter()
        .map(|field| {
            let ident = field
                .ident
                .as_ref()
                .ok_or_else(|| Error::new(field.span(), "expected a named field"))?;
            let name = match attributes::name(&field.attrs)? {
                Some(name) => names::chosen(&name)?,
                None => names::value(ident),
            };
            names::check(&name, ident.span())?;
            Ok(component(field, name, syn::Member::Named(ident.clone())))
        })
        .collect()
}

fn unnamed(fields: &Fields) -> Result<Vec<Component<'_>>> {
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            attributes::none(&field.attrs)?;
            Ok(component(field, String::new(), syn::Member::from(index)))
        })
        .collect()
}

fn component(field: &Field, name: String, member: syn::Member) -> Component<'_> {
    Component {
        name,
        member,
        ty: &field.ty,
        doc: attributes::doc(&field.attrs),
    }
}

fn constructor(variant: &syn::Variant) -> Result<Constructor<'_>> {
    let (name, span) = match attributes::name(&variant.attrs)? {
        Some(name) => (name.value(), name.span()),
        None => (variant.ident.to_string(), variant.ident.span()),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !is_name {
        return Err(Error::new(
            span,
            format!(
                "`{name}` is no name for a constructor in OCaml: it begins with a capital letter \
                 and has letters, digits and `_` only; choose one with `#[ocaml(name = \"...\")]`"
            ),
        ));
    }
    let is_record = matches!(&variant.fields, Fields::Named(fields) if !fields.named.is_empty());
    Ok(Constructor {
        rust: &variant.ident,
        name,
        doc: attributes::doc(&variant.attrs),
        is_record,
        arguments: match is_record {
            true => named(&variant.fields)?,
            false => unnamed(&variant.fields)?,
        },
    })
}

// The type.

pub(crate) fn ocaml_type(item: &DeriveInput) -> Result<TokenStream> {
    let declared = Declared::new(item)?;
    let Declared {
        rust, name, doc, ..
    } = &declared;
    let path = record::path(&rust.to_string());
    let same_as = declared.options.same_as.as_ref();
    let same_as = same_as.map(syn::LitStr::value).unwrap_or_default();
    let head = |kind| type_item(&path, name, kind, &same_as, doc);
    let items = match &declared.shape {
        Shape::Record(fields) => {
            let fields = fields.iter().map(|field| field_item("field", field));
            std::iter::once(head("record")).chain(fields).collect()
        }
        Shape::Tuple(fields) => {
            let ty = tuple_type(fields);
            vec![head("alias").part(quote!(::lwt_rust::expansion::Part::Type(#ty)))]
        }
        Shape::Variant(constructors) => {
            let kind = match declared.is_polymorphic() {
                true => "polymorphic",
                false => "variant",
            };
            let constructors = constructors.iter().flat_map(constructor_items);
            std::iter::once(head(kind)).chain(constructors).collect()
        }
    };
    let is_float = match &declared.shape {
        Shape::Tuple(fields) => match fields.as_slice() {
            [Component { ty, .. }] => quote!(<#ty as ::lwt_rust::OcamlType>::IS_FLOAT),
            _ => quote!(false),
        },
        Shape::Record(_) | Shape::Variant(_) => quote!(false),
    };
    let record = record::record(&items);
    Ok(quote! {
        // SAFETY: the type is declared by its components, and the other derives convert the
        // same ones. They are `'static`, since the type has no parameters.
        unsafe impl ::lwt_rust::OcamlType for #rust {
            const IS_FLOAT: bool = #is_float;
            const TYPE: ::lwt_rust::expansion::Type = ::lwt_rust::expansion::Type::declared(#path);
        }

        #record
    })
}

fn type_item(path: &TokenStream, name: &str, kind: &str, same_as: &str, doc: &str) -> Item {
    Item::new("type")
        .text(path)
        .text(name)
        .text(kind)
        .text(same_as)
        .text(doc)
}

fn tuple_type(components: &[Component<'_>]) -> TokenStream {
    let types = components
        .iter()
        .map(|component| record::ocaml_type(component.ty));
    quote!(::lwt_rust::expansion::Type::tuple(&[#(#types),*]))
}

fn field_item(kind: &str, field: &Component<'_>) -> Item {
    let Component { name, doc, .. } = field;
    let ty = record::ocaml_type(field.ty);
    Item::new(kind)
        .text(name)
        .text(doc)
        .part(quote!(::lwt_rust::expansion::Part::Type(#ty)))
}

fn constructor_items(constructor: &Constructor<'_>) -> Vec<Item> {
    let Constructor { name, doc, .. } = constructor;
    let head = Item::new("constructor").text(name).text(doc);
    match (constructor.is_record, constructor.arguments.as_slice()) {
        (true, fields) => std::iter::once(head.text(""))
            .chain(fields.iter().map(|field| field_item("inline", field)))
            .collect(),
        (false, []) => vec![head.text("")],
        // An argument that is a tuple differs from several arguments, though OCaml writes
        // both alike.
        (false, [only]) => {
            let ty = record::ocaml_type(only.ty);
            vec![head.part(quote!(::lwt_rust::expansion::Part::Simple(#ty)))]
        }
        (false, several) => {
            let ty = tuple_type(several);
            vec![head.part(quote!(::lwt_rust::expansion::Part::Type(#ty)))]
        }
    }
}

// Reading.

pub(crate) fn from_ocaml(item: &DeriveInput) -> Result<TokenStream> {
    let declared = Declared::new(item)?;
    let Declared { rust, name, .. } = &declared;
    let (body, flat) = match &declared.shape {
        Shape::Record(fields) => {
            let number = fields.len();
            let is_flat = is_flat(fields);
            let reads = reads(fields);
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
            [Component { ty, member, .. }] => {
                let body = quote! {
                    ::core::result::Result::Ok(#rust {
                        // SAFETY: the type is declared to be the type of the field.
                        #member: unsafe { <#ty as ::lwt_rust::FromOcaml>::from_ocaml(value)? }
                    })
                };
                let flat = quote! {
                    fn from_float(
                        float: f64,
                    ) -> ::core::result::Result<Self, ::lwt_rust::Error> {
                        ::core::result::Result::Ok(#rust {
                            #member: <#ty as ::lwt_rust::FromOcaml>::from_float(float)?
                        })
                    }
                };
                (body, Some(flat))
            }
            fields => {
                let number = fields.len();
                let reads = reads(fields);
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
    let path = record::path(&rust.to_string());
    let looks =
        declared.shape.types().into_iter().map(
            |ty| quote_spanned!(ty.span()=> <#ty as ::lwt_rust::FromOcaml>::is_of_executor(seen)),
        );
    Ok(quote! {
        impl ::lwt_rust::FromOcaml for #rust {
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

/// Whether a record is flat: if all its fields are floats, it is an array of floats in
/// OCaml.
fn is_flat(fields: &[Component<'_>]) -> TokenStream {
    let types = fields.iter().map(|field| field.ty);
    quote!(const { true #(&& <#types as ::lwt_rust::OcamlType>::IS_FLOAT)* })
}

/// The fields of a struct or a variant, read from `fields`.
fn reads(components: &[Component<'_>]) -> TokenStream {
    let reads = components.iter().enumerate().map(|(index, component)| {
        let Component { member, ty, .. } = component;
        // SAFETY: the type is declared with a field of that type at this index.
        quote_spanned!(ty.span()=> #member: unsafe { fields.read::<#ty>(#index)? })
    });
    quote!(#(#reads),*)
}

/// Each constructor with its number. Constant constructors and others are counted apart.
fn numbered<'a, 'b>(
    constructors: &'b [Constructor<'a>],
) -> impl Iterator<Item = (usize, &'b Constructor<'a>)> {
    let (mut constants, mut blocks) = (0, 0);
    constructors.iter().map(move |constructor| {
        let count = match constructor.arguments.is_empty() {
            true => &mut constants,
            false => &mut blocks,
        };
        *count += 1;
        (*count - 1, constructor)
    })
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
        let reads = reads(&constructor.arguments);
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
            [Component { ty, member, .. }] => quote! {
                ::lwt_rust::expansion::Read::Tagged(#hash, content) => {
                    let _level = ::lwt_rust::expansion::deeper_into_rust()?;
                    ::core::result::Result::Ok(Self::#rust {
                        // SAFETY: it is the argument of that constructor.
                        #member: unsafe { <#ty as ::lwt_rust::FromOcaml>::from_ocaml(content)? }
                    })
                }
            },
            arguments => {
                let number = arguments.len();
                let name = &constructor.name;
                let reads = reads(arguments);
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

/// The number that stands for a polymorphic variant. See the OCaml manual, "The
/// representation of polymorphic variants".
fn hash(name: &str) -> i64 {
    let hash = name.bytes().fold(0_u32, |hash, byte| {
        hash.wrapping_mul(223).wrapping_add(u32::from(byte))
    });
    // The number has 31 bits, of which the highest is the sign.
    i64::from((hash << 1) as i32 >> 1)
}

// Writing.

pub(crate) fn into_ocaml(item: &DeriveInput) -> Result<TokenStream> {
    let declared = Declared::new(item)?;
    let rust = declared.rust;
    let body = match &declared.shape {
        Shape::Record(fields) => {
            let (names, pattern) = bound(fields);
            let is_flat = is_flat(fields);
            let fields = roots(&names);
            quote! {
                let #rust { #pattern } = self;
                #fields
                // SAFETY: these are the fields of the type that is declared.
                unsafe { ::lwt_rust::expansion::record(lock, #is_flat, &fields.each_ref()) }
            }
        }
        Shape::Tuple(fields) => match fields.as_slice() {
            [] => quote!(<() as ::lwt_rust::IntoOcaml>::into_ocaml((), lock)),
            [Component { ty, member, .. }] => {
                quote!(<#ty as ::lwt_rust::IntoOcaml>::into_ocaml(self.#member, lock))
            }
            fields => {
                let (names, pattern) = bound(fields);
                let fields = roots(&names);
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
    Ok(quote! {
        // SAFETY: the value is made as the type is declared.
        unsafe impl ::lwt_rust::IntoOcaml for #rust {
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
fn bound(components: &[Component<'_>]) -> (Vec<Ident>, TokenStream) {
    let names: Vec<Ident> = (0..components.len())
        .map(|index| format_ident!("component_{index}", span = Span::mixed_site()))
        .collect();
    let members = components.iter().map(|component| &component.member);
    let pattern = quote!(#(#members: #names),*);
    (names, pattern)
}

/// Converts the components that were bound to `names` into `fields`, one level deeper. If
/// one cannot be converted, `given_up` drops or leaks the rest.
fn roots(names: &[Ident]) -> TokenStream {
    let number = names.len();
    let indices = (0..number).map(syn::Index::from);
    quote! {
        let mut rest = (#(::core::option::Option::Some(#names),)*);
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
    let fields = roots(&names);
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
    let fields = roots(&names);
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

// Abstract types.

pub(crate) fn abstract_type(item: &DeriveInput) -> Result<TokenStream> {
    not_generic(item)?;
    let options = type_options(&item.attrs)?;
    if options.same_as.is_some() || options.polymorphic.is_some() {
        return Err(Error::new(
            item.ident.span(),
            "an abstract type has a name and a size, and nothing else that OCaml knows",
        ));
    }
    let rust = &item.ident;
    let name = ocaml_name(&options, rust)?;
    let doc = attributes::doc(&item.attrs);
    let size = options.size.map(|size| {
        quote! {
            fn size(&self) -> usize {
                #size(self)
            }
        }
    });
    let path = record::path(&rust.to_string());
    let record = record::record(&[type_item(&path, &name, "abstract", "", &doc)]);
    Ok(quote! {
        // SAFETY: the record below has that path.
        unsafe impl ::lwt_rust::AbstractType for #rust {
            const NAME: &'static str = #name;
            const PATH: &'static str = #path;

            #size
        }

        #record
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polymorphic_variants_have_the_hashes_of_ocaml() {
        // (Obj.magic `Name : int)
        for (name, expected) in [("A", 65), ("Red", 4100401), ("Connected", -993410391)] {
            assert_eq!(hash(name), expected, "{name}");
        }
    }
}
