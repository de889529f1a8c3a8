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

        #record
    })
}
