//! `#[methods]`: an OCaml module with the functions of an `impl` block.
//!
//! For each function there is one outside of the block, which takes the value as an ordinary
//! argument. `#[func]` makes the stub of that one.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, ExprPath, FnArg, GenericArgument, Ident, ImplItem, ImplItemFn, ItemFn,
    ItemImpl, Meta, Pat, Path, PathArguments, QSelf, Receiver, Result, ReturnType, Type, TypePath,
    ext::IdentExt,
    parse_quote, parse_quote_spanned,
    spanned::Spanned,
    visit_mut::{self, VisitMut},
};

use crate::{
    attributes,
    function::{self, Origin},
    names,
    record::{self, Item},
    refusal, types, variables,
};

pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let mut block: ItemImpl = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let text = "`#[lwt_rust::methods]` is for an `impl` block";
            return refusal::of_item(item, &Error::new(error.span(), text));
        }
    };
    let owner = match owner(tokens, &block) {
        Ok(owner) => owner,
        Err(error) => return refusal::of_item(item, &error),
    };
    let functions = block.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    });
    let stubs: Vec<TokenStream> = functions
        .map(|function| stub(function, &owner).unwrap_or_else(Error::into_compile_error))
        .collect();
    let Owner { ty, symbol, .. } = &owner;
    let path = record::path(&owner.name.unraw().to_string());
    let ocaml_type = record::ocaml_type(ty);
    let record = record::record(&[Item::new("methods")
        .text(names::krate())
        .text(path)
        .text(symbol)
        .part(quote!(::lwt_rust::expansion::Part::Type(#ocaml_type)))
        .text(attributes::doc(&block.attrs))]);
    let cfgs = attributes::cfgs(&block.attrs);
    quote! {
        #block

        #(#cfgs)*
        const _: () = {
            // SAFETY: the record describes the type, and those of the methods have its symbol.
            unsafe impl ::lwt_rust::expansion::Member for #ty {
                const SYMBOL: &'static str = #symbol;
            }

            #record
            #(#stubs)*
        };
    }
}

/// The type that has the methods.
struct Owner {
    ty: Type,
    name: Ident,
    symbol: String,
}

fn owner(tokens: TokenStream, block: &ItemImpl) -> Result<Owner> {
    if !tokens.is_empty() {
        return Err(Error::new_spanned(
            tokens,
            "`methods` has no option but `crate`: those of a method stand above it, in `#[func(...)]`",
        ));
    }
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "methods for OCaml are in an `impl` block without a trait: write a method that calls \
             the one of the trait",
        ));
    }
    if !block.generics.params.is_empty() || block.generics.where_clause.is_some() {
        return Err(Error::new_spanned(
            &block.generics,
            "OCaml calls methods of one type, not of a generic one: a type with methods has no type \
             parameters",
        ));
    }
    let name = match &*block.self_ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.clone()),
        _ => None,
    };
    let name = name.ok_or_else(|| {
        Error::new_spanned(
            &block.self_ty,
            "methods for OCaml are those of a struct or an enum with a name",
        )
    })?;
    Ok(Owner {
        ty: (*block.self_ty).clone(),
        symbol: names::symbol("methods", &name.unraw().to_string()),
        name,
    })
}

/// The function outside of the block, with its stub. This takes our attributes away from the
/// method.
fn stub(method: &mut ImplItemFn, owner: &Owner) -> Result<TokenStream> {
    let options = take_options(&mut method.attrs)?;
    let ImplItemFn { attrs, vis, .. } = method.clone();
    let mut declared = variables::declared(ItemFn {
        attrs,
        vis,
        sig: method.sig.clone(),
        block: Box::new(method.block.clone()),
    });
    method.sig = variables::with_bounds(declared.function.clone()).sig;
    let name = method.sig.ident.unraw().to_string();
    let ocaml_name = match name.as_str() {
        // `new` is a keyword of OCaml's.
        "new" => "create".to_owned(),
        _ => names::value(&method.sig.ident),
    };
    let origin = Origin {
        path: format!("{}::{name}", owner.name.unraw()),
        name: ocaml_name,
        span: method.sig.ident.span(),
        owner: owner.symbol.clone(),
        takes_first: method
            .sig
            .receiver()
            .is_some_and(|receiver| is_self(&receiver.ty)),
    };
    declared.function = outside(declared.function, owner)?;
    let generated = function::generate(options, &declared, &origin)?;
    let function = variables::with_bounds(declared.function);
    let cfgs = attributes::cfgs(&method.attrs);
    let items = generated.items;
    Ok(quote! {
        #(#cfgs)*
        #[allow(warnings, clippy::all, reason = "the compiler warns of the method itself")]
        const _: () = {
            #function
            #items
        };
    })
}

/// Takes `#[func(...)]` away from the attributes, and returns its options.
fn take_options(attributes: &mut Vec<Attribute>) -> Result<TokenStream> {
    let (ours, others): (Vec<Attribute>, _) = attributes.drain(..).partition(is_options);
    *attributes = others;
    let mut options = TokenStream::new();
    for (number, attribute) in ours.iter().enumerate() {
        let wrong = match (&attribute.meta, number) {
            (_, 1..) => "a method has one `#[func(...)]`, with all its options",
            (Meta::Path(_), 0) => continue,
            (Meta::List(list), 0) => {
                options = list.tokens.clone();
                continue;
            }
            (Meta::NameValue(_), 0) => "write `#[func(...)]`",
        };
        return Err(Error::new_spanned(attribute, wrong));
    }
    Ok(options)
}

/// Whether an attribute is `func`.
fn is_options(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|last| last.ident == "func")
}

/// The function outside of the block, which calls the method.
fn outside(mut function: ItemFn, owner: &Owner) -> Result<ItemFn> {
    let ty = &owner.ty;
    let name = function.sig.ident.clone();
    let parameters: Vec<Ident> = function
        .sig
        .generics
        .type_params()
        .map(|parameter| parameter.ident.clone())
        .collect();
    let mut values = Vec::new();
    for (number, input) in function.sig.inputs.iter_mut().enumerate() {
        let (argument, value) = match input {
            FnArg::Receiver(receiver) => self_argument(receiver, ty)?,
            FnArg::Typed(argument) => {
                let name = match &*argument.pat {
                    Pat::Ident(pattern) => pattern.ident.clone(),
                    _ => format_ident!("argument_{}", number + 1),
                };
                argument.pat = parse_quote!(#name);
                (FnArg::Typed(argument.clone()), quote!(#name))
            }
        };
        *input = argument;
        values.push(value);
    }
    if let ReturnType::Type(_, result) = &function.sig.output {
        types::not_borrowed(result)?;
    }
    SelfIs(ty).visit_signature_mut(&mut function.sig);
    let wait = function.sig.asyncness.map(|_| quote!(.await));
    // The compiler reports an error of the result at the place of the method.
    let call = quote_spanned!(name.span()=> <#ty>::#name::<#(#parameters),*>(#(#values),*) #wait);
    function.block = parse_quote!({ #call });
    function
        .attrs
        .retain(|attribute| attribute.path().is_ident("doc"));
    Ok(function)
}

/// The argument that stands for a receiver, and the expression for the receiver.
fn self_argument(receiver: &Receiver, ty: &Type) -> Result<(FnArg, TokenStream)> {
    let span = receiver.span();
    let object = quote_spanned!(ty.span()=> <#ty as ::lwt_rust::expansion::Object>);
    // OCaml's name is the same without underscores.
    let name = Ident::new("__self", span);
    let shared = quote_spanned!(span=> #object::Shared);
    let (kind, value) = match &*receiver.ty {
        _ if is_self(&receiver.ty) => (
            quote_spanned!(span=> #object::Whole),
            quote_spanned!(span=> #object::by_value(#name)),
        ),
        Type::Reference(reference) if reference.mutability.is_some() => {
            return Err(Error::new(
                span,
                "several calls may use the value at once, so a method for OCaml takes `&self`: put \
                 what changes into a `Mutex`",
            ));
        }
        Type::Reference(reference) if is_self(&reference.elem) => {
            (shared, quote_spanned!(span=> #object::by_reference(&#name)))
        }
        Type::Path(path) if is_arc_of_self(path) => {
            (shared, quote_spanned!(span=> #object::by_arc(#name)))
        }
        _ => {
            return Err(Error::new(
                span,
                "a method for OCaml takes `&self`, `self` or `self: Arc<Self>`",
            ));
        }
    };
    Ok((parse_quote_spanned!(span=> #name: #kind), value))
}

fn is_self(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("Self"))
}

fn is_arc_of_self(path: &TypePath) -> bool {
    match path.path.segments.last() {
        Some(last) if last.ident == "Arc" => match &last.arguments {
            PathArguments::AngleBracketed(arguments) => matches!(
                arguments.args.first(),
                Some(GenericArgument::Type(ty)) if is_self(ty)
            ),
            _ => false,
        },
        _ => false,
    }
}

/// Writes the type for `Self`.
struct SelfIs<'a>(&'a Type);

impl SelfIs<'_> {
    /// Makes a `<Type>::Name` of a `Self::Name`.
    fn within(&self, qself: &mut Option<QSelf>, path: &mut Path) {
        let is_within = path
            .segments
            .first()
            .is_some_and(|first| first.ident == "Self");
        if !is_within || qself.is_some() {
            return;
        }
        *qself = Some(QSelf {
            lt_token: Default::default(),
            ty: Box::new(self.0.clone()),
            position: 0,
            as_token: None,
            gt_token: Default::default(),
        });
        path.leading_colon = Some(Default::default());
        path.segments = path.segments.iter().skip(1).cloned().collect();
    }
}

impl VisitMut for SelfIs<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if is_self(ty) {
            *ty = self.0.clone();
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }

    fn visit_type_path_mut(&mut self, path: &mut TypePath) {
        self.within(&mut path.qself, &mut path.path);
        visit_mut::visit_type_path_mut(self, path);
    }

    fn visit_expr_path_mut(&mut self, path: &mut ExprPath) {
        self.within(&mut path.qself, &mut path.path);
        visit_mut::visit_expr_path_mut(self, path);
    }
}
