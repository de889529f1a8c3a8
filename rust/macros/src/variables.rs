//! Type parameters of functions, which are type variables in OCaml.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Error, FnArg, GenericParam, Ident, ItemFn, Result, Type,
    ext::IdentExt,
    parse_quote,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

use crate::{
    attributes::{self, ArgumentOptions},
    names, types,
};

/// A type parameter, and its name as an OCaml type variable.
pub(crate) struct Variable {
    pub(crate) rust: Ident,
    pub(crate) name: String,
}

/// A function with a type parameter for each type variable that it uses.
pub(crate) struct Declared {
    pub(crate) function: ItemFn,
    /// Checks that each `vars::A` of the function is ours.
    pub(crate) checks: TokenStream,
    /// The names of variables that the function uses and has not declared: `A` of a
    /// `Poly<A>`.
    pub(crate) undeclared: Vec<Ident>,
    /// The options of the arguments.
    pub(crate) options: Result<Vec<ArgumentOptions>>,
}

/// Adds a type parameter to the function for each variable that it uses without declaring
/// it: a `Poly<vars::A>` becomes a `Poly<A>`.
pub(crate) fn declared(mut function: ItemFn) -> Declared {
    struct Named(Vec<(Ident, Type)>);

    impl VisitMut for Named {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            let name = match &*ty {
                Type::Path(path) => {
                    let segments = path.path.segments.iter();
                    let names: Vec<&Ident> = segments.map(|segment| &segment.ident).collect();
                    match names.as_slice() {
                        [.., module, name] if *module == "vars" => Some((*name).clone()),
                        _ => None,
                    }
                }
                _ => None,
            };
            match name {
                Some(name) => {
                    let named = std::mem::replace(ty, parse_quote!(#name));
                    self.0.push((name, named));
                }
                None => visit_mut::visit_type_mut(self, ty),
            }
        }
    }

    let options = function.sig.inputs.iter_mut().map(|input| match input {
        FnArg::Typed(argument) => attributes::take_argument_options(&mut argument.attrs),
        FnArg::Receiver(_) => Ok(ArgumentOptions::default()),
    });
    // Each attribute has to be taken away.
    let options: Vec<Result<ArgumentOptions>> = options.collect();
    let options = options.into_iter().collect();
    let mut named = Named(Vec::new());
    named.visit_item_fn_mut(&mut function);
    let mut checks = TokenStream::new();
    for (name, named) in named.0 {
        checks.extend(quote! {
            const _: ::core::option::Option<::lwt_rust::vars::#name> =
                ::core::option::Option::<#named>::None;
        });
        declare(&mut function, &name);
    }
    let undeclared = types::undeclared(&function.sig);
    for name in &undeclared {
        declare(&mut function, name);
    }
    Declared {
        function,
        checks,
        undeclared,
        options,
    }
}

/// Adds a type parameter to the function, unless the function has it.
fn declare(function: &mut ItemFn, name: &Ident) {
    let parameters = &mut function.sig.generics.params;
    let is_declared = |parameter: &GenericParam| match parameter {
        GenericParam::Type(parameter) => parameter.ident == *name,
        _ => false,
    };
    if !parameters.iter().any(is_declared) {
        parameters.push(parse_quote!(#name));
    }
}

/// The type parameters, which are type variables in OCaml.
pub(crate) fn variables(function: &ItemFn) -> Result<Vec<Variable>> {
    let mut variables: Vec<Variable> = Vec::new();
    for parameter in &function.sig.generics.params {
        let GenericParam::Type(parameter) = parameter else {
            return Err(Error::new(
                parameter.span(),
                "OCaml calls one function, not a generic one: a function for OCaml has type \
                 parameters, for values that it only keeps (`Poly<A>`), and no others",
            ));
        };
        if let Some(bound) = parameter.bounds.first() {
            return Err(Error::new(
                bound.span(),
                "a type parameter stands for any type of OCaml's, so it has no bounds: a \
                 `Poly<A>` can be given back, and a `Root` that is made of it can be kept for \
                 longer than the call",
            ));
        }
        let name = parameter.ident.unraw().to_string().to_lowercase();
        let name = names::value(&Ident::new(&name, parameter.ident.span()));
        names::check(&name, parameter.ident.span())?;
        if variables.iter().any(|variable| variable.name == name) {
            return Err(Error::new(
                parameter.span(),
                format!("two type parameters would be `'{name}` in OCaml"),
            ));
        }
        variables.push(Variable {
            rust: parameter.ident.clone(),
            name,
        });
    }
    Ok(variables)
}

/// The function with the bound `Variable` on each type parameter.
pub(crate) fn with_bounds(mut function: ItemFn) -> ItemFn {
    for parameter in function.sig.generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(::lwt_rust::Variable));
    }
    function
}

/// The types with which the stub calls the function. Only the stub can name them.
pub(crate) fn stand_ins(variables: &[Variable]) -> TokenStream {
    let stand_ins = variables.iter().map(|Variable { rust, name }| {
        quote! {
            #[allow(non_camel_case_types)]
            enum #rust {}

            // SAFETY: only this stub names it.
            unsafe impl ::lwt_rust::Variable for #rust {
                const NAME: &'static str = #name;
            }
        }
    });
    quote!(#(#stand_ins)*)
}

/// Makes the compiler check the types of the signature for every type that the parameters
/// could be. For example, a type in the signature asks for `A: 'static`. In the function
/// itself the compiler would assume that this holds. In a function without arguments it has
/// to prove it.
pub(crate) fn well_formed<'a>(
    types: impl Iterator<Item = &'a Type>,
    variables: &[Variable],
) -> TokenStream {
    if variables.is_empty() {
        return TokenStream::new();
    }
    let variables = variables.iter().map(|variable| &variable.rust);
    let checks = types.map(|ty| quote_spanned!(ty.span()=> is::<#ty>();));
    quote! {
        #[allow(dead_code, non_camel_case_types)]
        fn well_formed<#(#variables: ::lwt_rust::Variable),*>() {
            fn is<T>() {}
            #(#checks)*
        }
    }
}
