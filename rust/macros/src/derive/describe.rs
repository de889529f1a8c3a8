//! `OcamlType`: the declaration of a type, for the bindings.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

use super::{Component, Constructor, Declared, Shape};
use crate::record::{self, Item};

pub(crate) fn ocaml_type(item: &DeriveInput) -> Result<TokenStream> {
    let declared = Declared::new(item)?;
    let Declared {
        rust, name, doc, ..
    } = &declared;
    let path = record::path(&rust.to_string());
    let same_as = declared.options.same_as.as_ref();
    let same_as = same_as.map(syn::LitStr::value).unwrap_or_default();
    let parameters = declared.parameters.declaration();
    let head = |kind| type_item(&path, name, &parameters, kind, &same_as, doc);
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
            [only] => {
                let ty = only.crossing();
                quote!(<#ty as ::lwt_rust::OcamlType>::IS_FLOAT)
            }
            _ => quote!(false),
        },
        Shape::Record(_) | Shape::Variant(_) => quote!(false),
    };
    let record = record::record(&items);
    let stand_ins = declared.parameters.stand_ins();
    let record = match declared.parameters.is_empty() {
        true => record,
        false => quote!(const _: () = { #stand_ins #record };),
    };
    let head = declared
        .parameters
        .implementation(&quote!(::lwt_rust::OcamlType), rust);
    let names = &declared.parameters.names;
    Ok(quote! {
        // SAFETY: the type is declared by its components, and the other derives convert the
        // same ones. They borrow nothing: the components that are of no parameter are `'static`,
        // and a parameter is an `OcamlType` itself.
        unsafe #head {
            const IS_FLOAT: bool = #is_float;
            const TYPE: ::lwt_rust::expansion::Type = {
                #(::core::assert!(
                    <#names as ::lwt_rust::OcamlType>::IS_ARGUMENT,
                    "neither `u8` nor a tuple can be the argument of a type with parameters, since a \
                     list of the one and a function of the other are different in OCaml: write \
                     `(u8,)` or `((A, B),)`, which are the same types in OCaml",
                );)*
                ::lwt_rust::expansion::Type::declared_with(
                    #path,
                    &[#(<#names as ::lwt_rust::OcamlType>::TYPE),*],
                )
            };
        }

        #record
    })
}

pub(super) fn type_item(
    path: &TokenStream,
    name: &str,
    parameters: &str,
    kind: &str,
    same_as: &str,
    doc: &str,
) -> Item {
    Item::new("type")
        .text(path)
        .text(name)
        .text(parameters)
        .text(kind)
        .text(same_as)
        .text(doc)
}

fn tuple_type(components: &[Component<'_>]) -> TokenStream {
    let types = components
        .iter()
        .map(|component| record::ocaml_type(&component.crossing()));
    quote!(::lwt_rust::expansion::Type::tuple(&[#(#types),*]))
}

fn field_item(kind: &str, field: &Component<'_>) -> Item {
    let Component { name, doc, .. } = field;
    let ty = record::ocaml_type(&field.crossing());
    Item::new(kind)
        .text(name)
        .text(doc)
        .part(quote!(::lwt_rust::expansion::Part::Type(#ty)))
}

pub(super) fn constructor_items(constructor: &Constructor<'_>) -> Vec<Item> {
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
            let ty = record::ocaml_type(&only.crossing());
            vec![head.part(quote!(::lwt_rust::expansion::Part::Simple(#ty)))]
        }
        (false, several) => {
            let ty = tuple_type(several);
            vec![head.part(quote!(::lwt_rust::expansion::Part::Type(#ty)))]
        }
    }
}
