//! The derives: records, variants, names for other types, and exceptions.
//!
//! This module reads the declaration of a Rust type. The others make code of it.

mod abstracts;
mod describe;
mod exception;
mod from_ocaml;
mod into_ocaml;
mod parameters;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, Result, Type, ext::IdentExt, spanned::Spanned};

use crate::{
    attributes::{self, FieldOptions, TypeOptions, type_options},
    names,
};

pub(crate) use abstracts::abstract_type;
pub(crate) use describe::ocaml_type;
pub(crate) use exception::ocaml_exception;
pub(crate) use from_ocaml::from_ocaml;
pub(crate) use into_ocaml::into_ocaml;
use parameters::Parameters;

/// A Rust type as OCaml sees it.
struct Declared<'a> {
    rust: &'a Ident,
    name: String,
    options: TypeOptions,
    doc: String,
    shape: Shape<'a>,
    parameters: Parameters<'a>,
}

enum Shape<'a> {
    Record(Vec<Component<'a>>),
    /// A struct of unnamed fields. In OCaml it is its only field, or a tuple.
    Tuple(Vec<Component<'a>>),
    Variant(Vec<Constructor<'a>>),
}

impl<'a> Shape<'a> {
    /// All fields and arguments.
    fn components(&self) -> Vec<&Component<'a>> {
        match self {
            Shape::Record(fields) | Shape::Tuple(fields) => fields.iter().collect(),
            Shape::Variant(constructors) => constructors
                .iter()
                .flat_map(|constructor| &constructor.arguments)
                .collect(),
        }
    }

    /// The types by which they cross.
    fn types(&self) -> Vec<TokenStream> {
        let components = self.components().into_iter();
        components.map(Component::crossing).collect()
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
    /// Where the author says that OCaml does not get the field.
    skip: Option<Span>,
    /// The type that stands for `ty` in OCaml, if it is another one.
    with: Option<Type>,
}

impl Component<'_> {
    /// The type by which the field crosses.
    fn crossing(&self) -> TokenStream {
        attributes::crossing(self.ty, self.with.as_ref())
    }

    /// A field as a value of its crossing type.
    fn wrapped(&self, value: TokenStream) -> TokenStream {
        let crossing = self.crossing();
        match self.with {
            Some(_) => quote!(<#crossing>::new(#value)),
            None => value,
        }
    }

    /// A value of the crossing type as a field.
    fn unwrapped(&self, value: TokenStream) -> TokenStream {
        match self.with {
            Some(_) => quote!(#value.into_inner()),
            None => value,
        }
    }
}

/// The most constructors with arguments for which OCaml has tags.
const MOST_TAGS: usize = 244;

/// The most fields of a block that is made in one go.
const MOST_FIELDS: usize = 256;

impl<'a> Declared<'a> {
    fn new(item: &'a DeriveInput) -> Result<Self> {
        let parameters = Parameters::new(&item.generics)?;
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
            parameters,
        };
        declared.check()?;
        Ok(declared)
    }

    fn check(&self) -> Result<()> {
        let skip = self
            .shape
            .components()
            .into_iter()
            .find_map(|field| field.skip);
        if let Some(skip) = skip {
            return Err(Error::new(
                skip,
                "`skip` is for the fields of an exception: OCaml gets all fields of a type",
            ));
        }
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
            "an exception or an abstract type has no parameters in OCaml: write one type for each \
             use",
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
            let options = attributes::field_options(&field.attrs)?;
            let name = match &options.name {
                Some(name) => names::chosen(name)?,
                None => names::value(ident),
            };
            names::check(&name, ident.span())?;
            let member = syn::Member::Named(ident.clone());
            Ok(component(field, name, member, options))
        })
        .collect()
}

fn unnamed(fields: &Fields) -> Result<Vec<Component<'_>>> {
    fields
        .iter()
        .enumerate()
        .map(|(index, field)| {
            let options = attributes::field_options(&field.attrs)?;
            if let Some(name) = &options.name {
                return Err(Error::new(name.span(), "nothing here has a name in OCaml"));
            }
            let member = syn::Member::from(index);
            Ok(component(field, String::new(), member, options))
        })
        .collect()
}

fn component(
    field: &Field,
    name: String,
    member: syn::Member,
    options: FieldOptions,
) -> Component<'_> {
    Component {
        name,
        member,
        ty: &field.ty,
        doc: attributes::doc(&field.attrs),
        skip: options.skip,
        with: options.with,
    }
}

fn constructor(variant: &syn::Variant) -> Result<Constructor<'_>> {
    let name = attributes::name(&variant.attrs)?;
    constructor_of(&variant.ident, name, &variant.attrs, &variant.fields)
}

fn constructor_of<'a>(
    ident: &'a Ident,
    chosen: Option<syn::LitStr>,
    attributes: &[syn::Attribute],
    fields: &'a Fields,
) -> Result<Constructor<'a>> {
    let (name, span) = match chosen {
        Some(name) => (name.value(), name.span()),
        None => (ident.unraw().to_string(), ident.span()),
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
    let is_record = matches!(fields, Fields::Named(fields) if !fields.named.is_empty());
    Ok(Constructor {
        rust: ident,
        name,
        doc: attributes::doc(attributes),
        is_record,
        arguments: match is_record {
            true => named(fields)?,
            false => unnamed(fields)?,
        },
    })
}

/// Whether a record is flat: if all its fields are floats, it is an array of floats in
/// OCaml.
fn is_flat(fields: &[Component<'_>], parameters: &Parameters<'_>) -> TokenStream {
    let types = fields.iter().map(Component::crossing);
    let stand_ins = parameters.stand_ins();
    quote!({
        const IS_FLAT: bool = {
            #stand_ins
            true #(&& <#types as ::lwt_rust::OcamlType>::IS_FLOAT)*
        };
        IS_FLAT
    })
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

/// The number that stands for a polymorphic variant. See the OCaml manual, "The
/// representation of polymorphic variants".
fn hash(name: &str) -> i64 {
    let hash = name.bytes().fold(0_u32, |hash, byte| {
        hash.wrapping_mul(223).wrapping_add(u32::from(byte))
    });
    // The number has 31 bits, of which the highest is the sign.
    i64::from((hash << 1) as i32 >> 1)
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
