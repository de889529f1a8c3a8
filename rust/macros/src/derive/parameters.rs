//! The type parameters of a derived type.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Error, GenericParam, Generics, Result, ext::IdentExt, parse_quote, spanned::Spanned};

use crate::names;

/// The type parameters, which are type variables in OCaml.
pub(super) struct Parameters<'a> {
    generics: &'a Generics,
    pub(super) names: Vec<&'a Ident>,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(generics: &'a Generics) -> Result<Self> {
        let names = generics.params.iter().map(|parameter| match parameter {
            GenericParam::Type(parameter) => Ok(&parameter.ident),
            GenericParam::Lifetime(_) | GenericParam::Const(_) => Err(Error::new(
                parameter.span(),
                "a type for OCaml borrows nothing, and OCaml has no such parameter: its parameters \
                 are types",
            )),
        });
        let names: Vec<&Ident> = names.collect::<Result<_>>()?;
        for (number, name) in names.iter().enumerate() {
            let variable = Self::variable(name);
            names::check(&variable, name.span())?;
            if names[..number]
                .iter()
                .any(|other| Self::variable(other) == variable)
            {
                return Err(Error::new(
                    name.span(),
                    format!("two type parameters would be `'{variable}` in OCaml"),
                ));
            }
        }
        Ok(Parameters { generics, names })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of a parameter in OCaml, without its quote.
    fn variable(name: &Ident) -> String {
        let name = Ident::new(&name.unraw().to_string().to_lowercase(), name.span());
        names::value(&name)
    }

    /// The parameters of the type, as OCaml declares them: `('k, 'v)`.
    pub(super) fn declaration(&self) -> String {
        let variables: Vec<String> = self
            .names
            .iter()
            .map(|name| format!("'{}", Self::variable(name)))
            .collect();
        match variables.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            several => format!("({})", several.join(", ")),
        }
    }

    /// Types that stand for the parameters, for code that OCaml's declaration decides about: it
    /// is the same for all arguments.
    pub(super) fn stand_ins(&self) -> TokenStream {
        let stand_ins = self.names.iter().map(|name| {
            let variable = Self::variable(name);
            quote! {
                #[allow(non_camel_case_types, dead_code)]
                #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
                enum #name {}

                // SAFETY: there is no value of this type.
                unsafe impl ::lwt_rust::OcamlType for #name {
                    const TYPE: ::lwt_rust::expansion::Type =
                        ::lwt_rust::expansion::Type::variable(#variable);
                }
            }
        });
        quote!(#(#stand_ins)*)
    }

    /// `impl<T: Bound> Trait for Name<T>`, without its body.
    pub(super) fn implementation(&self, bound: &TokenStream, rust: &Ident) -> TokenStream {
        let mut generics = self.generics.clone();
        for parameter in generics.type_params_mut() {
            parameter.bounds.push(parse_quote!(#bound));
        }
        let (parameters, _, clause) = generics.split_for_impl();
        let (_, arguments, _) = self.generics.split_for_impl();
        quote!(impl #parameters #bound for #rust #arguments #clause)
    }
}
