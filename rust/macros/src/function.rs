//! `#[func]`: the stub of a function, and its description for the bindings.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, FnArg, Ident, ItemFn, LitStr, Pat, Result, ReturnType, Type,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
    spanned::Spanned,
};

use crate::{
    attributes::{self, ArgumentOptions},
    names,
    record::{self, Item},
    refusal,
    streams::{self, Boxed},
    types,
    variables::{self, Declared},
};

/// The most arguments of a stub that native code and bytecode both call. For a function
/// with more of them, bytecode has a second stub.
const DIRECT_ARGUMENTS: usize = 5;

/// The most arguments of a function.
const MOST_ARGUMENTS: usize = 32;

const PRIMITIVE_TYPES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

#[derive(Default)]
struct Options {
    blocking: Option<Span>,
    protected: Option<Span>,
    result: Option<Span>,
    tokio: Option<Span>,
    local: Option<Span>,
    name: Option<LitStr>,
    doc: Option<String>,
}

fn options(tokens: TokenStream) -> Result<Options> {
    let mut options = Options::default();
    let parser = syn::meta::parser(|meta| {
        let span = meta.path.span();
        let flag = if meta.path.is_ident("blocking") {
            &mut options.blocking
        } else if meta.path.is_ident("protected") {
            &mut options.protected
        } else if meta.path.is_ident("result") {
            &mut options.result
        } else if meta.path.is_ident("tokio") {
            &mut options.tokio
        } else if meta.path.is_ident("local") {
            &mut options.local
        } else if meta.path.is_ident("name") {
            options.name = Some(meta.value()?.parse()?);
            return Ok(());
        } else if meta.path.is_ident("doc") {
            options.doc = Some(meta.value()?.parse::<LitStr>()?.value());
            return Ok(());
        } else {
            return Err(meta.error(
                "unknown option; there are `blocking`, `protected`, `local`, `result`, \
                 `tokio`, `name = \"...\"`, `doc = \"...\"` and `crate = \"...\"`",
            ));
        };
        *flag = Some(span);
        Ok(())
    });
    parser.parse2(tokens)?;
    Ok(options)
}

/// How OCaml calls the function.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// An `async fn`, which becomes a task if it has to wait.
    Async,
    /// A `fn` on tokio's pool.
    Blocking,
    /// A `fn` that runs on the thread that calls it.
    Direct,
}

struct Argument {
    name: String,
    /// The type by which it crosses.
    ty: Type,
    /// Whether that is not the type of the parameter, but a `With` of it.
    is_with: bool,
    /// Whether OCaml names the argument, and how.
    label: Label,
}

enum Label {
    None,
    Named,
    /// OCaml may leave the argument out. Otherwise it gives a value of this type.
    Optional(Box<Type>),
}

pub(crate) fn expand(tokens: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = (|input: ParseStream<'_>| {
        if input.fork().call(syn::Attribute::parse_outer).is_ok() {
            ItemFn::parse(input)
        } else {
            Err(input.error("expected a function"))
        }
    })
    .parse2(item.clone());
    let function = match parsed {
        Ok(function) => function,
        Err(error) => {
            let error = Error::new(
                error.span(),
                format!("`#[lwt_rust::func]` is for a function with a body: {error}"),
            );
            return refusal::of_item(item, &error);
        }
    };
    let declared = variables::declared(function);
    let function = variables::with_bounds(declared.function.clone());
    let name = &function.sig.ident;
    let generated = refusal::in_impl(&function)
        .and_then(|()| hides_no_type(name))
        .and_then(|()| generate(tokens, &declared, &Origin::free(name)));
    match generated {
        Ok(Generated { symbol, items }) => {
            let cfgs = attributes::cfgs(&function.attrs);
            let marker = marker(&function, &symbol);
            let items = refusal::unless_in_impl(
                name,
                &quote! {
                    #marker
                    #(#cfgs)*
                    const _: () = { #items };
                },
            );
            quote!(#function #items)
        }
        Err(error) => {
            let marker = match hides_no_type(name) {
                Ok(()) => marker(&function, ""),
                Err(_) => TokenStream::new(),
            };
            refusal::of_function(&function, &marker, &error)
        }
    }
}

/// Where a function comes from.
pub(crate) struct Origin {
    /// Its path in the module.
    pub(crate) path: String,
    /// Its name in OCaml, if no option chooses another one.
    pub(crate) name: String,
    /// The place of its name.
    pub(crate) span: Span,
    /// The symbol of the type that it is a method of; empty if there is none.
    pub(crate) owner: String,
    /// Whether the first argument is a value that the method takes from OCaml. It is read
    /// behind the others: if one of these is wrong, OCaml keeps the value.
    pub(crate) takes_first: bool,
}

impl Origin {
    fn free(name: &Ident) -> Self {
        Origin {
            path: name.unraw().to_string(),
            name: names::value(name),
            span: name.span(),
            owner: String::new(),
            takes_first: false,
        }
    }
}

/// What goes with a function.
pub(crate) struct Generated {
    /// The symbol of the stub.
    symbol: String,
    /// The stub and the description, for a block in which the function has its name.
    pub(crate) items: TokenStream,
}

pub(crate) fn generate(
    tokens: TokenStream,
    declared: &Declared,
    origin: &Origin,
) -> Result<Generated> {
    let Declared { function, .. } = declared;
    let options = options(tokens)?;
    types::are_declared(function, &declared.undeclared)?;
    let variables = variables::variables(function)?;
    let argument_options = declared.options.clone()?;
    let arguments = arguments(function, &argument_options)?;
    let way = way(function, &options)?;
    let returns = returns(function, &options)?;
    let types = arguments.iter().map(|argument| &argument.ty);
    let types = types.chain([&returns.ty]);
    types::bare_parameter(function, types.clone())?;

    let name = match &options.name {
        Some(name) => names::chosen(name)?,
        None => {
            names::check(&origin.name, origin.span)?;
            origin.name.clone()
        }
    };
    let symbols = Symbols {
        stub: names::symbol("func", &origin.path),
        twin: (arguments.len() > DIRECT_ARGUMENTS).then(|| names::symbol("bytecode", &origin.path)),
    };
    let doc = options
        .doc
        .clone()
        .unwrap_or_else(|| attributes::doc(&function.attrs));

    let callee = {
        let name = &function.sig.ident;
        let parameters = variables.iter().map(|variable| &variable.rust);
        quote!(#name::<#(#parameters),*>)
    };
    let stub = stub(
        &callee, &arguments, way, &returns, &options, &symbols, origin,
    );
    let head = Item::new("function")
        .text(names::krate())
        .text(&origin.owner)
        .text(record::path(&origin.path))
        .text(name)
        .text(&symbols.stub)
        .text(symbols.twin.as_deref().unwrap_or_default());
    let record = description(head, &doc, &arguments, way, &returns);
    let stand_ins = variables::stand_ins(&variables);
    let well_formed = variables::well_formed(types, &variables);
    let named = &declared.checks;
    Ok(Generated {
        symbol: symbols.stub,
        items: quote! {
            #named
            #well_formed
            #stand_ins
            #stub
            #record
        },
    })
}

/// Refuses a function whose name is that of one of Rust's types: the type that goes with the
/// function would hide it.
fn hides_no_type(name: &Ident) -> Result<()> {
    match PRIMITIVE_TYPES.contains(&name.to_string().as_str()) {
        false => Ok(()),
        true => Err(Error::new(
            name.span(),
            "a function for OCaml goes with a type of its name, so this one would hide a type of \
             Rust's: give it another name, and OCaml this one with `name = \"...\"`",
        )),
    }
}

/// The names by which the linker knows the stubs of a function.
struct Symbols {
    stub: String,
    /// The stub for bytecode, if the function needs one.
    twin: Option<String>,
}

fn arguments(function: &ItemFn, options: &[ArgumentOptions]) -> Result<Vec<Argument>> {
    let signature = &function.sig;
    let refuse = |span: Span, what: &str| Err(Error::new(span, what));
    if let Some(clause) = &signature.generics.where_clause {
        return refuse(clause.span(), "a function for OCaml has no where clause");
    }
    if let Some(unsafety) = &signature.unsafety {
        return refuse(
            unsafety.span(),
            "OCaml would call this function without knowing its contract: make it safe",
        );
    }
    if let Some(abi) = &signature.abi {
        return refuse(
            abi.span(),
            "a function for OCaml is an ordinary one: the attribute writes the `extern \"C\"` \
             function around it",
        );
    }
    if let Some(variadic) = &signature.variadic {
        return refuse(variadic.span(), "a function for OCaml is not variadic");
    }
    if signature.inputs.len() > MOST_ARGUMENTS {
        return refuse(
            signature.inputs.span(),
            "a function for OCaml has at most 32 arguments: put them in a record",
        );
    }
    let mut arguments: Vec<Argument> = Vec::new();
    for (number, input) in signature.inputs.iter().enumerate() {
        let argument = match input {
            FnArg::Receiver(receiver) => {
                return refuse(
                    receiver.span(),
                    "a function for OCaml has no `self`: write a function that takes the value",
                );
            }
            FnArg::Typed(argument) => argument,
        };
        types::check(&argument.ty)?;
        let options = &options[number];
        let is_taken = |name: &str| arguments.iter().any(|argument| argument.name == name);
        let name = match &options.name {
            Some(chosen) if is_taken(&chosen.value()) => {
                return refuse(chosen.span(), "another argument has this name");
            }
            Some(chosen) => names::chosen(chosen)?,
            None => {
                let name = match &*argument.pat {
                    Pat::Ident(pattern) => names::value(&pattern.ident),
                    _ => String::new(),
                };
                let name = name.trim_start_matches('_');
                let is_usable = names::check(name, Span::call_site()).is_ok() && !is_taken(name);
                match (is_usable, options.label.or(options.optional)) {
                    (true, _) => name.to_owned(),
                    (false, None) => format!("argument_{}", number + 1),
                    (false, Some(span)) => {
                        return refuse(
                            span,
                            "this argument has no name that OCaml can use: choose one with `name = \
                             \"...\"`",
                        );
                    }
                }
            }
        };
        arguments.push(Argument {
            name,
            ty: syn::parse2(attributes::crossing(&argument.ty, options.with.as_ref()))?,
            is_with: options.with.is_some(),
            label: label(&argument.ty, options)?,
        });
    }
    Ok(arguments)
}

fn label(ty: &Type, options: &ArgumentOptions) -> Result<Label> {
    let Some(optional) = options.optional else {
        return Ok(match options.label {
            Some(_) => Label::Named,
            None => Label::None,
        });
    };
    if let Some(label) = options.label {
        return Err(Error::new(label, "an optional argument has a label anyway"));
    }
    if options.with.is_some() {
        return Err(Error::new(
            optional,
            "an optional argument has no `with`: take an `Option` of that type",
        ));
    }
    match types::arguments_of("Option", ty).as_deref() {
        Some(&[value]) => Ok(Label::Optional(Box::new(value.clone()))),
        _ => Err(Error::new(
            optional,
            "OCaml may leave an optional argument out, so its type is an `Option<T>`",
        )),
    }
}

fn way(function: &ItemFn, options: &Options) -> Result<Way> {
    let asyncness = &function.sig.asyncness;
    if let (Some(tokio), true) = (
        options.tokio,
        asyncness.is_some() || options.blocking.is_some(),
    ) {
        return Err(Error::new(
            tokio,
            "`tokio` is for a plain `fn` that OCaml calls as it is: an `async fn`, and a \
             function with `blocking`, have the context of the runtime already",
        ));
    }
    if let (Some(local), None) = (options.local, asyncness) {
        return Err(Error::new(
            local,
            "`local` is for an `async fn`, whose future stays on the thread that begins it",
        ));
    }
    match (asyncness, options.blocking) {
        (Some(_), Some(blocking)) => Err(Error::new(
            blocking,
            "`blocking` is for a plain `fn`, which runs on a thread that may block; an `async \
             fn` must not block",
        )),
        (Some(_), None) => Ok(Way::Async),
        (None, Some(_)) => Ok(Way::Blocking),
        (None, None) => match options.protected {
            Some(protected) => Err(Error::new(
                protected,
                "`protected` is for a function that returns a promise: nothing can cancel this \
                 one",
            )),
            None => Ok(Way::Direct),
        },
    }
}

/// The result of a function.
struct Returns {
    ty: Type,
    /// Whether an `Err` rejects the promise or raises an exception.
    is_fallible: bool,
    /// The function that makes a value of `ty` of an `impl Stream`.
    boxes: Option<TokenStream>,
}

fn returns(function: &ItemFn, options: &Options) -> Result<Returns> {
    let ty = match &function.sig.output {
        ReturnType::Default => syn::parse_quote_spanned!(function.sig.ident.span()=> ()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    let (ty, boxes) = match streams::boxed(&ty) {
        Some(Boxed { ty, boxes }) => (ty, Some(boxes)),
        None => (ty, None),
    };
    types::no_impl(&ty)?;
    let is_result = is_result(&ty);
    match options.result {
        Some(result) if !is_result => Err(Error::new(
            result,
            "`result` is for a function that returns a `Result`",
        )),
        result => {
            let is_fallible = is_result && result.is_none();
            if is_fallible {
                types::boxed_error(&ty)?;
            }
            Ok(Returns {
                ty,
                is_fallible,
                boxes,
            })
        }
    }
}

/// Whether a type is called `Result`: that of `std`, of `std::io`, or any other.
pub(crate) fn is_result(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "Result"),
        Type::Paren(inner) => is_result(&inner.elem),
        Type::Group(inner) => is_result(&inner.elem),
        _ => false,
    }
}

/// The `extern "C"` function that OCaml calls. It calls `callee`.
fn stub(
    callee: &TokenStream,
    arguments: &[Argument],
    way: Way,
    returns: &Returns,
    options: &Options,
    symbols: &Symbols,
    origin: &Origin,
) -> TokenStream {
    let shown = &origin.path;
    // The names of the stub, which are hygienic: the function may have any of them, and so
    // may a constant of its module.
    let ours = |name: String| Ident::new(&name, Span::mixed_site());
    let (lock, start) = (ours("lock".to_owned()), ours("start".to_owned()));
    let raws: Vec<Ident> = (0..arguments.len().max(1))
        .map(|number| ours(format!("argument_{number}")))
        .collect();
    let count = raws.len();
    let values: Vec<Ident> = (0..arguments.len())
        .map(|number| ours(format!("value_{number}")))
        .collect();
    let mut reads: Vec<TokenStream> = arguments
        .iter()
        .zip(&raws)
        .zip(&values)
        .map(|((argument, raw), value)| {
            let Argument {
                name, ty, is_with, ..
            } = argument;
            let read = quote_spanned! {ty.span()=>
                ::lwt_rust::expansion::argument::<#ty>(#raw, #lock, #shown, #name)?
            };
            let unwrap = is_with.then(|| quote!(.into_inner()));
            quote! {
                // SAFETY: it is a parameter of this stub, of the type that the bindings
                // say, and reading an argument allocates nothing in OCaml.
                let #value = unsafe { #read } #unwrap;
            }
        })
        .collect();
    if origin.takes_first {
        reads.rotate_left(1);
    }
    let call = quote!(#callee(#(#values),*));
    let call = match (&returns.boxes, way) {
        (None, _) => call,
        (Some(boxes), Way::Async) => quote!(async move { (#boxes)(#call.await) }),
        (Some(boxes), Way::Blocking | Way::Direct) => quote!((#boxes)(#call)),
    };
    let ok = quote!(::core::result::Result::<_, ::lwt_rust::Error>::Ok);
    // The compiler reports a wrong result at the place of its type.
    let span = returns.ty.span();
    let promise = match options.protected {
        Some(_) => quote_spanned!(span=> ::lwt_rust::expansion::call_protected),
        None => quote_spanned!(span=> ::lwt_rust::expansion::call),
    };
    let (entry, before_start, body) = match way {
        Way::Async => {
            let future = match returns.is_fallible {
                true => call,
                false => quote!(::lwt_rust::expansion::succeeds(#call)),
            };
            let name = ours("future".to_owned());
            let bound = match options.local {
                Some(_) => quote!(::lwt_rust::expansion::stays(#future)),
                None => quote!({
                    let #name = #future;
                    ::lwt_rust::expansion::Binding::of(&#name).bind(#name)
                }),
            };
            (promise, quote!(), bound)
        }
        Way::Blocking => {
            let spawned = quote_spanned!(span=> ::lwt_rust::spawn_blocking(move || #call));
            let future = match returns.is_fallible {
                true => quote!(async move { #ok(#spawned.await??) }),
                false => spawned,
            };
            // The future consists of values that are `Send`, so it is `Send`.
            (promise, quote!(), future)
        }
        Way::Direct => {
            let call = match returns.is_fallible {
                true => call,
                false => quote!(#ok(#call)),
            };
            let types = arguments.iter().map(|argument| &argument.ty);
            let executor = executor_of(types);
            let may_be = &executor.may_be;
            let uses_tokio = options.tokio.is_some();
            let direct = quote_spanned!(span=> ::lwt_rust::expansion::direct);
            (
                quote_spanned!(span=> #direct::<#may_be, #uses_tokio, _, _, _, _, #count>),
                executor.finds_out,
                quote!(move || #call),
            )
        }
    };
    let twin = symbols.twin.as_ref().map(|symbol| {
        let numbers = 0..arguments.len();
        quote! {
            #[unsafe(export_name = #symbol)]
            unsafe extern "C" fn __lwt_rust_bytecode(
                arguments: *const ::lwt_rust::expansion::Raw,
                _number: ::core::ffi::c_int,
            ) -> ::lwt_rust::expansion::Raw {
                // SAFETY: bytecode calls a stub of this many arguments with an array of
                // them.
                __lwt_rust_stub(#(unsafe { *arguments.add(#numbers) }),*)
            }
        }
    });
    let symbol = &symbols.stub;
    quote! {
        struct __LwtRustFunction;

        impl ::lwt_rust::expansion::Named for __LwtRustFunction {
            fn name() -> &'static str {
                ::core::concat!(::core::module_path!(), "::", #shown)
            }
        }

        // The stub converts errors, also those that have the right type already.
        #[allow(clippy::needless_question_mark)]
        #[unsafe(export_name = #symbol)]
        extern "C" fn __lwt_rust_stub(
            #(#raws: ::lwt_rust::expansion::Raw),*
        ) -> ::lwt_rust::expansion::Raw {
            let #start = |
                #lock: &mut ::lwt_rust::Lock,
                [#(#raws),*]: [::lwt_rust::expansion::Raw; #count]
            | {
                #(#reads)*
                #ok(#body)
            };
            // SAFETY: OCaml knows this symbol by the bindings that were made of its
            // description, which contains the types of the function. A future is `Send` or
            // bound.
            unsafe { #entry(__LwtRustFunction, [#(#raws),*], #before_start #start) }
        }
        #twin
    }
}

/// Code that finds out whether the arguments of a plain function need the executor.
struct ExecutorOf {
    /// A constant: `false` if no argument can need it.
    may_be: TokenStream,
    /// An argument of the entry: a closure that finds out whether an argument needs it.
    finds_out: TokenStream,
}

fn executor_of<'a>(types: impl Iterator<Item = &'a Type> + Clone) -> ExecutorOf {
    let constants = types.clone();
    let functions = types;
    ExecutorOf {
        may_be: quote! {
            { false #(|| <#constants as ::lwt_rust::FromOcaml>::MAY_BE_OF_EXECUTOR)* }
        },
        finds_out: quote! {
            |_, _| {
                static KNOWN: ::lwt_rust::expansion::Known = ::lwt_rust::expansion::Known::new();
                KNOWN.get(|_seen| {
                    false #(|| <#functions as ::lwt_rust::FromOcaml>::is_of_executor(_seen))*
                })
            },
        },
    }
}

/// The record by which the bindings know the function.
fn description(
    head: Item,
    doc: &str,
    arguments: &[Argument],
    way: Way,
    returns: &Returns,
) -> TokenStream {
    let ty = &returns.ty;
    let result = match returns.is_fallible {
        true => quote_spanned! {ty.span()=>
            <<#ty as ::lwt_rust::expansion::Fallible>::Value as ::lwt_rust::OcamlType>::TYPE
        },
        false => record::ocaml_type(ty),
    };
    let (way, result) = match way {
        Way::Direct => ("direct", quote!(::lwt_rust::expansion::Part::Type(#result))),
        Way::Async | Way::Blocking => (
            "promise",
            quote!(::lwt_rust::expansion::Part::Simple(#result)),
        ),
    };
    let mut items = vec![head.text(way).text(doc).part(result)];
    items.extend(arguments.iter().map(
        |Argument {
             name, ty, label, ..
         }| {
            let (label, part) = match label {
                Label::Optional(value) => {
                    let ty = record::ocaml_type(value);
                    ("optional", quote!(::lwt_rust::expansion::Part::Simple(#ty)))
                }
                Label::None | Label::Named => {
                    let ty = record::ocaml_type(ty);
                    let label = match label {
                        Label::None => "",
                        _ => "label",
                    };
                    (label, quote!(::lwt_rust::expansion::Part::Argument(#ty)))
                }
            };
            Item::new("argument").text(name).text(label).part(part)
        },
    ));
    record::record(&items)
}

/// A type with the function's name, for `lwt_rust::library!`. A type and a function may
/// have the same name, and a `use` of the function takes the type along.
fn marker(function: &ItemFn, symbol: &str) -> TokenStream {
    let name = &function.sig.ident;
    let visibility = &function.vis;
    let cfgs = attributes::cfgs(&function.attrs);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(dead_code, non_camel_case_types)]
        #visibility enum #name {}

        #(#cfgs)*
        // SAFETY: this is the symbol of the stub, and the record describes the stub by the
        // types of the same signature.
        unsafe impl ::lwt_rust::expansion::Member for #name {
            const SYMBOL: &'static str = #symbol;
        }
    }
}
