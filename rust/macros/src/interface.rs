//! `#[interface]`: a trait that OCaml implements by a record of functions.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, ItemTrait, Pat, Result, ReturnType, TraitItem, TraitItemFn, Type,
    ext::IdentExt, parse_quote, parse_quote_spanned, spanned::Spanned,
};

use crate::{attributes, function::is_result, refusal, types};

pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let interface: ItemTrait = match syn::parse2(item.clone()) {
        Ok(interface) => interface,
        Err(error) => {
            let text = "`#[lwt_rust::interface]` is for a trait";
            return refusal::of_item(item, &Error::new(error.span(), text));
        }
    };
    match expand_trait(tokens, interface) {
        Ok(expanded) => expanded,
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#item #error)
        }
    }
}

fn expand_trait(tokens: TokenStream, mut interface: ItemTrait) -> Result<TokenStream> {
    if !tokens.is_empty() {
        let text = "`interface` has no option but `crate`; `#[ocaml(name = \"...\")]` above the trait names the \
                    OCaml type";
        return Err(Error::new_spanned(tokens, text));
    }
    if !interface.generics.params.is_empty() {
        let text = "OCaml implements one trait, not a generic one";
        return Err(Error::new_spanned(&interface.generics, text));
    }
    let name = interface.ident.clone();
    let of_ocaml = format_ident!("Ocaml{}", name.unraw(), span = name.span());
    let doc = format!(
        "The trait [`{}`], implemented by a record of OCaml functions.",
        name.unraw()
    );
    let options: Vec<Attribute> = interface
        .attrs
        .iter()
        .filter(|a| is_ocaml(a))
        .cloned()
        .collect();
    interface.attrs.retain(|attribute| !is_ocaml(attribute));
    let options = match options.is_empty() {
        true => {
            let ocaml = crate::names::type_name(&name);
            quote!(#[ocaml(name = #ocaml)])
        }
        false => quote!(#(#options)*),
    };
    let docs = interface
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"));
    let docs: Vec<&Attribute> = docs.collect();
    let mut methods = Vec::new();
    for item in &mut interface.items {
        match item {
            TraitItem::Fn(method) if method.default.is_none() => methods.push(Method::of(method)?),
            _ => {}
        }
    }
    if methods.is_empty() {
        let text = "OCaml implements the methods that have no body: this trait has none";
        return Err(Error::new(name.span(), text));
    }
    let visibility = &interface.vis;
    let fields = methods.iter().map(
        |Method {
             name,
             function,
             docs,
             cfgs,
             options,
             ..
         }| { quote!(#(#cfgs)* #(#docs)* #(#options)* #visibility #name: #function) },
    );
    let implementations = methods.iter().map(Method::implementation);
    let cfgs = attributes::cfgs(&interface.attrs);
    Ok(quote! {
        #interface

        #(#cfgs)*
        #(#docs)*
        #[doc = ""]
        #[doc = #doc]
        #[derive(Clone, Debug, ::lwt_rust::OcamlType, ::lwt_rust::FromOcaml)]
        #[ocaml(crate = ::lwt_rust)]
        #options
        #visibility struct #of_ocaml {
            #(#fields),*
        }

        #(#cfgs)*
        impl #name for #of_ocaml {
            #(#implementations)*
        }
    })
}

/// The most arguments of an OCaml function that Rust calls.
const MOST_ARGUMENTS: usize = 8;

fn is_ocaml(attribute: &Attribute) -> bool {
    attribute.path().is_ident("ocaml")
}

/// A method that OCaml implements.
struct Method {
    name: Ident,
    /// The type of the OCaml function.
    function: TokenStream,
    docs: Vec<Attribute>,
    cfgs: Vec<Attribute>,
    /// The options of the field.
    options: Vec<Attribute>,
    /// The signature, without `async`.
    signature: TokenStream,
    /// The arguments, as the OCaml function gets them.
    values: Vec<TokenStream>,
}

impl Method {
    /// Reads a method, and makes it one whose future is `Send`.
    fn of(method: &mut TraitItemFn) -> Result<Self> {
        let signature = &mut method.sig;
        let span = signature.ident.span();
        let refuse = |span, text: &str| Err(Error::new(span, text));
        if let Some(unsafety) = &signature.unsafety {
            return refuse(unsafety.span(), "a method that OCaml implements is safe");
        }
        if !signature.generics.params.is_empty() {
            let text = "OCaml implements one method, not a generic one: name the types";
            return refuse(signature.generics.span(), text);
        }
        if signature.asyncness.take().is_none() {
            let text = "OCaml code runs in its domain, so a method that OCaml implements is an `async \
                        fn`; one with a body may be any other";
            return refuse(span, text);
        }
        let takes_reference = signature
            .receiver()
            .is_some_and(|receiver| receiver.reference.is_some() && receiver.mutability.is_none());
        if !takes_reference {
            return refuse(span, "a method that OCaml implements takes `&self`");
        }
        let result = match &signature.output {
            ReturnType::Type(_, ty) if is_result(ty) => (**ty).clone(),
            output => {
                let text = "OCaml may raise an exception, so a method that it implements returns a \
                            `Result`, whose error is made of a `lwt_rust::Error`";
                let span = match output {
                    ReturnType::Default => span,
                    ReturnType::Type(_, ty) => ty.span(),
                };
                return refuse(span, text);
            }
        };
        let (mut values, mut types) = (Vec::new(), Vec::new());
        for (number, input) in signature.inputs.iter_mut().enumerate() {
            let FnArg::Typed(argument) = input else {
                continue;
            };
            if let Some(option) = argument.attrs.iter().find(|option| is_ocaml(option)) {
                let text = "an argument of a method that OCaml implements has no options";
                return Err(Error::new_spanned(option, text));
            }
            if values.len() == MOST_ARGUMENTS {
                let text = "a method that OCaml implements has at most 8 arguments: put them in a \
                            record";
                return Err(Error::new_spanned(&argument.pat, text));
            }
            let name = match &*argument.pat {
                Pat::Ident(pattern) => pattern.ident.clone(),
                _ => {
                    let name = format_ident!("argument_{number}");
                    *argument.pat = parse_quote!(#name);
                    name
                }
            };
            match &*argument.ty {
                Type::Reference(reference) if reference.mutability.is_none() => {
                    let ty = &reference.elem;
                    types.push(quote_spanned! {ty.span()=>
                        <#ty as ::std::borrow::ToOwned>::Owned
                    });
                    values.push(quote!(::std::borrow::ToOwned::to_owned(#name)));
                }
                ty => {
                    types::check(ty)?;
                    types.push(quote!(#ty));
                    values.push(quote!(#name));
                }
            }
        }
        let value =
            quote_spanned!(result.span()=> <#result as ::lwt_rust::expansion::Fallible>::Value);
        let function = quote!(::lwt_rust::LwtFn<(#(#types,)*), #value>);
        signature.output = parse_quote_spanned! {result.span()=>
            -> impl ::core::future::Future<Output = #result> + ::core::marker::Send
        };
        let is_doc = |attribute: &&Attribute| attribute.path().is_ident("doc");
        let (options, others) = method.attrs.drain(..).partition(is_ocaml);
        method.attrs = others;
        Ok(Method {
            name: signature.ident.clone(),
            function,
            docs: method.attrs.iter().filter(is_doc).cloned().collect(),
            cfgs: attributes::cfgs(&method.attrs)
                .into_iter()
                .cloned()
                .collect(),
            options,
            signature: quote!(#signature),
            values,
        })
    }

    fn implementation(&self) -> TokenStream {
        let Method {
            name,
            cfgs,
            signature,
            values,
            ..
        } = self;
        quote! {
            #(#cfgs)*
            #signature {
                let called = self.#name.call((#(#values,)*));
                async move { called.await.map_err(::core::convert::Into::into) }
            }
        }
    }
}
