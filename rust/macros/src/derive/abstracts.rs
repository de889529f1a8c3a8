//! `AbstractType`: Rust values that OCaml cannot look into.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Result};

use super::{describe::type_item, not_generic, ocaml_name};
use crate::{
    attributes::{self, type_options},
    record,
};

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
    let record = record::record(&[type_item(&path, &name, "", "abstract", "", &doc)]);
    Ok(quote! {
        // SAFETY: the record below has that path.
        unsafe impl ::lwt_rust::AbstractType for #rust {
            const NAME: &'static str = #name;
            const PATH: &'static str = #path;

            #size
        }

        // SAFETY: a value becomes one of `Abstract`.
        unsafe impl ::lwt_rust::OcamlType for #rust {
            const TYPE: ::lwt_rust::expansion::Type =
                <::lwt_rust::Abstract<#rust> as ::lwt_rust::OcamlType>::TYPE;
        }

        // SAFETY: as for its type.
        unsafe impl ::lwt_rust::IntoOcaml for #rust {
            fn into_ocaml(
                self,
                lock: &mut ::lwt_rust::Lock,
            ) -> ::core::result::Result<::lwt_rust::Val<'_>, ::lwt_rust::Error> {
                ::lwt_rust::IntoOcaml::into_ocaml(::lwt_rust::Abstract::new(self), lock)
            }
        }

        impl ::lwt_rust::expansion::Object for #rust {
            type Shared = ::lwt_rust::Abstract<#rust>;
            type Whole = ::lwt_rust::expansion::Whole<#rust>;

            fn by_reference(shared: &Self::Shared) -> &Self {
                shared
            }

            fn by_arc(shared: Self::Shared) -> ::std::sync::Arc<Self> {
                shared.into()
            }

            fn by_value(whole: Self::Whole) -> Self {
                whole.0
            }
        }

        #record
    })
}
