//! Types in the signature of a function that OCaml cannot call.

use proc_macro2::{Ident, Span};
use syn::{
    Error, FnArg, GenericArgument, GenericParam, ItemFn, PathArguments, Result, ReturnType,
    Signature, Type, TypeParamBound,
    ext::IdentExt,
    spanned::Spanned,
    visit::{self, Visit},
};

use crate::streams;

/// Refuses types that no stub can have. The compiler would report them too, but at a place
/// that the user has not written.
pub(crate) fn check(ty: &Type) -> Result<()> {
    struct Refusal(Option<Error>);

    impl Refusal {
        fn refuse(&mut self, span: Span, what: &str) {
            if self.0.is_none() {
                self.0 = Some(Error::new(span, what));
            }
        }
    }

    impl Visit<'_> for Refusal {
        fn visit_type_reference(&mut self, reference: &syn::TypeReference) {
            self.refuse(
                reference.span(),
                "OCaml moves its values, so a function cannot borrow from them: take an owned \
                 type, such as `String` for `&str` or `Vec<u8>` for `&[u8]`",
            );
        }

        fn visit_lifetime(&mut self, lifetime: &syn::Lifetime) {
            // A `Cow<'static, str>` borrows nothing from OCaml.
            if lifetime.ident == "static" {
                return;
            }
            self.refuse(
                lifetime.span(),
                "OCaml moves its values, so a function cannot borrow from them: take an owned \
                 type",
            );
        }

        fn visit_type_impl_trait(&mut self, ty: &syn::TypeImplTrait) {
            self.refuse(
                ty.span(),
                match streams::is_stream(ty) {
                    true => "a function takes a stream as a `lwt_rust::LwtStream<T>`",
                    false => "OCaml calls one function, not a generic one: name the type",
                },
            );
        }

        fn visit_type_ptr(&mut self, ty: &syn::TypePtr) {
            self.refuse(ty.span(), "a pointer is not a value of OCaml's");
        }

        fn visit_type_bare_fn(&mut self, ty: &syn::TypeBareFn) {
            self.refuse(
                ty.span(),
                "an OCaml function is a `LwtFn<A, B>` if it returns a promise, and else a \
                 `Closure<A, B>`",
            );
        }
    }

    let mut refusal = Refusal(None);
    refusal.visit_type(ty);
    refusal.0.map_or(Ok(()), Err)
}

/// Refuses a result that a method borrows from its value.
pub(crate) fn not_borrowed(result: &Type) -> Result<()> {
    struct Refusal(Option<Error>);

    impl Visit<'_> for Refusal {
        fn visit_type_reference(&mut self, reference: &syn::TypeReference) {
            let lifetime = reference.lifetime.as_ref();
            if lifetime.is_none_or(|lifetime| lifetime.ident != "static") {
                self.0.get_or_insert(Error::new(
                    reference.span(),
                    "OCaml keeps the result for longer than the method can borrow it: return an \
                     owned type, such as `String` for `&str` or `Vec<T>` for `&[T]`",
                ));
            }
        }
    }

    let mut refusal = Refusal(None);
    refusal.visit_type(result);
    refusal.0.map_or(Ok(()), Err)
}

/// Refuses an `impl` in the type of a result.
pub(crate) fn no_impl(result: &Type) -> Result<()> {
    struct Refusal(Option<Error>);

    impl Visit<'_> for Refusal {
        fn visit_type_impl_trait(&mut self, ty: &syn::TypeImplTrait) {
            let text = match streams::is_stream(ty) {
                true => {
                    "an `impl Stream` says its items, as `impl Stream<Item = T>` does, and is the \
                     result or in its `Result`; for a stream within another type return a \
                     `lwt_rust::LwtStream<T>`, which `LwtStream::new` makes"
                }
                false => {
                    "name the type that OCaml gets, such as a `LwtSink`, a `LwtInput` or a \
                     `LwtOutput`, or return an `impl Stream<Item = T>`; a function that returns \
                     a future is an `async fn`"
                }
            };
            self.0.get_or_insert(Error::new(ty.span(), text));
        }
    }

    let mut refusal = Refusal(None);
    refusal.visit_type(result);
    refusal.0.map_or(Ok(()), Err)
}

/// The names in a signature that look like type parameters of the function, and are none:
/// `A` in a `Poly<A>`.
pub(crate) fn undeclared(signature: &Signature) -> Vec<Ident> {
    struct Undeclared<'a> {
        signature: &'a Signature,
        found: Vec<Ident>,
    }

    impl<'a> Visit<'a> for Undeclared<'a> {
        fn visit_type(&mut self, ty: &'a Type) {
            let variable = match arguments_of("Poly", ty).as_deref() {
                Some(&[variable]) => name_of(variable),
                _ => None,
            };
            if let Some(name) = variable {
                if looks_like_a_variable(name) && !is_parameter(name, self.signature) {
                    self.found.push(name.clone());
                }
            }
            visit::visit_type(self, ty);
        }
    }

    let mut undeclared = Undeclared {
        signature,
        found: Vec::new(),
    };
    for input in &signature.inputs {
        if let FnArg::Typed(argument) = input {
            undeclared.visit_type(&argument.ty);
        }
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        undeclared.visit_type(ty);
    }
    undeclared.found
}

/// Refuses a function with undeclared names.
pub(crate) fn are_declared(function: &ItemFn, undeclared: &[Ident]) -> Result<()> {
    match undeclared.first() {
        None => Ok(()),
        Some(name) => Err(Error::new(
            name.span(),
            format!(
                "`{name}` is no type parameter of the function: write `fn {}<{name}>`; if you mean a \
                 type of yours, write `self::{name}`",
                function.sig.ident
            ),
        )),
    }
}

/// Whether a name is a capital letter, with digits or without.
fn looks_like_a_variable(name: &Ident) -> bool {
    let name = name.unraw().to_string();
    let digits = name.strip_prefix(|c: char| c.is_ascii_uppercase());
    digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit()))
}

/// Refuses a type parameter that is an argument itself, or the content of one, without a
/// `Poly` around it.
pub(crate) fn bare_parameter<'a>(
    function: &ItemFn,
    mut types: impl Iterator<Item = &'a Type>,
) -> Result<()> {
    let signature = &function.sig;
    match types.find_map(|ty| bare(ty, signature)) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            name.span(),
            format!(
                "the type parameter `{name}` stands for any type of OCaml's, so Rust cannot look at \
                 such a value: write `Poly<{name}>` for a value that Rust keeps and gives back, and \
                 else a type, such as `String`"
            ),
        )),
    }
}

/// Types of which we know that their parameters are values of OCaml's. Others may have a
/// `Poly` inside.
const CONTAINERS: [&str; 11] = [
    "BTreeMap",
    "Box",
    "Closure",
    "HashMap",
    "LwtFn",
    "LwtStream",
    "Option",
    "PortablePromise",
    "Promise",
    "Result",
    "Vec",
];

fn bare<'a>(ty: &'a Type, signature: &Signature) -> Option<&'a Ident> {
    match ty {
        Type::Array(array) => bare(&array.elem, signature),
        Type::Group(group) => bare(&group.elem, signature),
        Type::Paren(paren) => bare(&paren.elem, signature),
        Type::Slice(slice) => bare(&slice.elem, signature),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(|ty| bare(ty, signature)),
        Type::Path(_) => match name_of(ty) {
            Some(name) if is_parameter(name, signature) => Some(name),
            _ => CONTAINERS
                .iter()
                .find_map(|container| arguments_of(container, ty))?
                .into_iter()
                .find_map(|ty| bare(ty, signature)),
        },
        _ => None,
    }
}

/// Refuses a `Result<T, Box<dyn Error>>` without `Send` and `Sync`. The compiler would say
/// only that the content of the box has no size.
pub(crate) fn boxed_error(result: &Type) -> Result<()> {
    let error = match arguments_of("Result", result).as_deref() {
        Some(&[_, error]) => error,
        _ => return Ok(()),
    };
    let Some([Type::TraitObject(object)]) = arguments_of("Box", error).as_deref() else {
        return Ok(());
    };
    let is_of = |name: &str| {
        object.bounds.iter().any(|bound| match bound {
            TypeParamBound::Trait(bound) => {
                let last = bound.path.segments.last();
                last.is_some_and(|segment| segment.ident == name)
            }
            _ => false,
        })
    };
    if !is_of("Error") || (is_of("Send") && is_of("Sync")) {
        return Ok(());
    }
    Err(Error::new(
        error.span(),
        "another thread may drop the error, so it is `Send` and `Sync`: write `Box<dyn \
         std::error::Error + Send + Sync>`",
    ))
}

/// The arguments of a type that is called `name`, if they are types.
pub(crate) fn arguments_of<'a>(name: &str, ty: &'a Type) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == name => {
            let types = arguments.args.iter().map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            types.collect()
        }
        _ => None,
    }
}

/// The name that a type consists of.
fn name_of(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.get_ident(),
        _ => None,
    }
}

fn is_parameter(name: &Ident, signature: &Signature) -> bool {
    let mut parameters = signature.generics.params.iter();
    parameters.any(|parameter| match parameter {
        GenericParam::Type(parameter) => parameter.ident == *name,
        GenericParam::Const(parameter) => parameter.ident == *name,
        GenericParam::Lifetime(_) => false,
    })
}
