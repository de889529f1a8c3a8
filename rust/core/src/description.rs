//! What a crate tells OCaml about itself: types, functions, and the text that
//! `lwt-rust bindings` reads.

use std::{
    any::{TypeId, type_name},
    collections::BTreeMap,
    ffi::CString,
    fmt::Write,
};

/// An OCaml type expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    text: String,
    level: Level,
    has_variables: bool,
}

/// How much a type expression holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Arrow,
    Product,
    Simple,
}

impl Type {
    fn new(text: String, level: Level, parts: &[&Type]) -> Self {
        Type {
            text,
            level,
            has_variables: parts.iter().any(|part| part.has_variables),
        }
    }

    /// A type that has a name, with its arguments if it has any: `"int"`.
    pub fn named(name: &str) -> Self {
        Type::new(name.to_owned(), Level::Simple, &[])
    }

    /// A type variable, named without its quote.
    pub fn variable(name: &str) -> Self {
        Type {
            has_variables: true,
            ..Type::named(&format!("'{name}"))
        }
    }

    /// `self name`, such as `t option`.
    pub fn applied(&self, name: &str) -> Self {
        let text = format!("{} {name}", self.at(Level::Simple));
        Type::new(text, Level::Simple, &[self])
    }

    /// `self list`
    pub fn list(&self) -> Self {
        self.applied("list")
    }

    /// `self array`
    pub fn array(&self) -> Self {
        self.applied("array")
    }

    /// `(value, error) result`
    pub fn result(value: Type, error: Type) -> Self {
        let text = format!("({}, {}) result", value.text, error.text);
        Type::new(text, Level::Simple, &[&value, &error])
    }

    /// A tuple; of no types, `unit`.
    pub fn tuple(types: Vec<Type>) -> Self {
        match types.as_slice() {
            [] => Type::named("unit"),
            [only] => only.clone(),
            types => {
                let texts: Vec<String> = types.iter().map(|ty| ty.at(Level::Simple)).collect();
                let parts: Vec<&Type> = types.iter().collect();
                Type::new(texts.join(" * "), Level::Product, &parts)
            }
        }
    }

    /// `self -> result`
    pub fn arrow(&self, result: &Type) -> Self {
        let text = format!("{} -> {}", self.at(Level::Product), result.text);
        Type::new(text, Level::Arrow, &[self, result])
    }

    /// The text, in parentheses if it does not hold together as `level` does.
    fn at(&self, level: Level) -> String {
        if self.level >= level {
            self.text.clone()
        } else {
            format!("({})", self.text)
        }
    }
}

/// What the declaration of a type says.
#[derive(Debug)]
#[non_exhaustive]
pub enum Definition {
    /// Nothing.
    Abstract,
    /// Another type.
    Alias(Type),
    /// A record.
    #[doc(hidden)]
    Record(Vec<FieldItem>),
    /// A variant.
    #[doc(hidden)]
    Variant {
        /// Whether it is a polymorphic variant.
        is_polymorphic: bool,
        /// Its constructors.
        constructors: Vec<ConstructorItem>,
    },
}

/// The types that OCaml has under their bare names, and descriptions use.
const BUILT_IN: [&str; 12] = [
    "array", "bool", "bytes", "char", "exn", "float", "int", "list", "option", "result", "string",
    "unit",
];

/// A description on its way: a text whose lines are items, and whose items are
/// fields between tabs.
#[derive(Debug, Default)]
pub struct Description {
    /// The names of types that are declared or are about to be, and whose they are.
    names: BTreeMap<&'static str, (TypeId, &'static str)>,
    types: String,
    functions: String,
    /// The functions' names.
    values: BTreeMap<&'static str, &'static str>,
    problems: String,
}

impl Description {
    /// Declares the type that stands for `T`, and gives it. It is declared once,
    /// however often this is called; `define` may use the type itself.
    ///
    /// `same_as` is the OCaml type, declared elsewhere, that it is the same as.
    pub fn declare<T: 'static>(
        &mut self,
        name: &'static str,
        same_as: Option<&str>,
        doc: &str,
        define: impl FnOnce(&mut Description) -> Definition,
    ) -> Type {
        let rust = type_name::<T>();
        if !is_name(name) {
            self.problem(&format!(
                "the type {rust} has the name {name:?}, which no type can have in OCaml: it begins \
                 with a small letter and has letters, digits and _ only"
            ));
        }
        if BUILT_IN.contains(&name) {
            self.problem(&format!(
                "the type {rust} would hide OCaml's {name}: give it another name with \
                 #[ocaml(name = \"...\")]"
            ));
        }
        // Two types may have one name in Rust, if each is local to a block.
        let this = TypeId::of::<T>();
        match self.names.insert(name, (this, rust)) {
            None => {
                let definition = define(self);
                self.define(name, same_as, doc, &definition);
            }
            Some((id, other)) if id != this => self.problem(&format!(
                "two Rust types are called {name} in OCaml, {other} and {rust}: give one of them \
                 another name with #[ocaml(name = \"...\")]"
            )),
            Some(_) => {}
        }
        Type::named(name)
    }

    fn define(&mut self, name: &str, same_as: Option<&str>, doc: &str, definition: &Definition) {
        let mut lines = String::new();
        let same_as = same_as.unwrap_or("");
        let mut types: Vec<&Type> = Vec::new();
        match definition {
            Definition::Abstract => item(&mut lines, &["type", name, "abstract", same_as, doc]),
            Definition::Alias(ty) => {
                item(&mut lines, &["type", name, "alias", same_as, doc, &ty.text]);
                types.push(ty);
            }
            Definition::Record(fields) => {
                item(&mut lines, &["type", name, "record", same_as, doc]);
                for field in fields {
                    item(
                        &mut lines,
                        &["field", field.name, field.doc, &field.ty.text],
                    );
                    types.push(&field.ty);
                }
            }
            Definition::Variant {
                is_polymorphic,
                constructors,
            } => {
                let kind = if *is_polymorphic {
                    "polymorphic"
                } else {
                    "variant"
                };
                item(&mut lines, &["type", name, kind, same_as, doc]);
                for constructor in constructors {
                    let (name, doc) = (constructor.name, constructor.doc);
                    match &constructor.arguments {
                        Arguments::Types(arguments) => {
                            let arguments_: Vec<String> =
                                arguments.iter().map(|ty| ty.at(Level::Simple)).collect();
                            item(
                                &mut lines,
                                &["constructor", name, doc, &arguments_.join(" * ")],
                            );
                            types.extend(arguments);
                        }
                        Arguments::Record(fields) => {
                            item(&mut lines, &["constructor", name, doc, ""]);
                            for field in fields {
                                item(
                                    &mut lines,
                                    &["inline", field.name, field.doc, &field.ty.text],
                                );
                                types.push(&field.ty);
                            }
                        }
                    }
                }
            }
        }
        if types.iter().any(|ty| ty.has_variables) {
            self.problem(&format!(
                "the type {name} has a Poly in it: one can be an argument or a result, and in \
                 tuples, lists and the like, but not in a type with a name"
            ));
        }
        self.types.push_str(&lines);
    }

    /// Adds a function.
    #[doc(hidden)]
    pub fn function(&mut self, function: FunctionItem) {
        let FunctionItem {
            name,
            symbol,
            doc,
            is_direct,
            arguments,
            result,
        } = function;
        if let Some(other) = self.values.insert(name, symbol) {
            self.problem(&format!(
                "two functions are called {name} in OCaml, those with the symbols {other} and \
                 {symbol}: give one of them another name with #[func(name = \"...\")]"
            ));
        }
        let way = if is_direct { "direct" } else { "promise" };
        // A result stands before `Lwt.t`, an argument before an arrow.
        let result = if is_direct {
            result.text
        } else {
            result.at(Level::Simple)
        };
        item(
            &mut self.functions,
            &["function", name, symbol, way, doc, &result],
        );
        for (name, ty) in arguments {
            item(
                &mut self.functions,
                &["argument", name, &ty.at(Level::Product)],
            );
        }
    }

    fn problem(&mut self, problem: &str) {
        item(&mut self.problems, &["problem", problem]);
    }

    /// The text, ended by a zero, whose memory is given away: the program that
    /// asks for it ends soon.
    #[doc(hidden)]
    pub fn publish(self, krate: &str, doc: &str) -> *mut std::ffi::c_char {
        let mut text = String::new();
        item(&mut text, &["library", krate, doc.trim()]);
        for part in [&self.types, &self.functions, &self.problems] {
            text.push_str(part);
        }
        text.retain(|c| c != '\0');
        CString::new(text).unwrap_or_default().into_raw()
    }
}

/// Whether OCaml lets a type have this name, keywords aside.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c == '_' || c.is_ascii_lowercase())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// Adds a line of fields, escaped as OCaml escapes strings.
fn item(lines: &mut String, fields: &[&str]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            lines.push('\t');
        }
        for c in field.chars() {
            match c {
                '\\' | '"' => {
                    lines.push('\\');
                    lines.push(c);
                }
                '\n' => lines.push_str("\\n"),
                '\t' => lines.push_str("\\t"),
                c if c.is_ascii_control() => {
                    // Writing to a string cannot fail.
                    let _ = write!(lines, "\\{:03}", c as u32);
                }
                c => lines.push(c),
            }
        }
    }
    lines.push('\n');
}

/// A function that OCaml calls.
#[derive(Debug)]
pub struct FunctionItem {
    /// Its name in OCaml.
    pub name: &'static str,
    /// Its symbol in the archive.
    pub symbol: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// Whether it returns a value rather than a promise.
    pub is_direct: bool,
    /// The names and types of its arguments.
    pub arguments: Vec<(&'static str, Type)>,
    /// What it returns, or what its promise resolves with.
    pub result: Type,
}

/// A field of a record.
#[derive(Debug)]
pub struct FieldItem {
    /// Its name in OCaml.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Its doc comment.
    pub doc: &'static str,
}

/// A constructor of a variant.
#[derive(Debug)]
pub struct ConstructorItem {
    /// Its name in OCaml.
    pub name: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// Its arguments.
    pub arguments: Arguments,
}

/// What stands behind a constructor's name.
#[derive(Debug)]
pub enum Arguments {
    /// Types, or nothing if there are none.
    Types(Vec<Type>),
    /// The fields of a record of its own.
    Record(Vec<FieldItem>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_in_parentheses_where_they_must_be() {
        let int = Type::named("int");
        let pair = Type::tuple(vec![int.clone(), Type::variable("a")]);
        assert_eq!(pair.list().text, "(int * 'a) list");
        assert!(pair.list().has_variables);
        let function = pair.arrow(&int.applied("Lwt.t"));
        assert_eq!(function.text, "int * 'a -> int Lwt.t");
        assert_eq!(function.arrow(&int).text, "(int * 'a -> int Lwt.t) -> int");
        assert_eq!(
            function.applied("option").text,
            "(int * 'a -> int Lwt.t) option"
        );
        assert_eq!(
            Type::tuple(vec![pair, int.clone()]).text,
            "(int * 'a) * int"
        );
        assert_eq!(
            Type::result(function, int).text,
            "(int * 'a -> int Lwt.t, int) result"
        );
    }

    #[test]
    fn texts_are_escaped() {
        let mut lines = String::new();
        item(&mut lines, &["a\tb", "\"\\\n\u{1}é"]);
        assert_eq!(lines, "a\\tb\t\\\"\\\\\\n\\001é\n");
    }

    #[test]
    fn a_name_is_one_of_a_type() {
        for name in ["t = int", "", "T", "t'", "t\nlet"] {
            let mut description = Description::default();
            description.declare::<u8>(name, None, "", |_| Definition::Abstract);
            assert!(description.problems.contains("no type can have"), "{name}");
        }
    }

    #[test]
    fn a_name_that_the_bindings_use_is_taken() {
        for name in BUILT_IN {
            let mut description = Description::default();
            description.declare::<u8>(name, None, "", |_| Definition::Abstract);
            let hides = format!("would hide OCaml's {name}");
            assert!(description.problems.contains(&hides), "{name}");
        }
        assert!(BUILT_IN.contains(&Type::tuple(Vec::new()).text.as_str()));
    }

    #[test]
    fn types_of_one_name_in_rust_are_told_apart() {
        let mut description = Description::default();
        {
            struct T;
            description.declare::<T>("t", None, "", |_| Definition::Abstract);
        }
        {
            struct T;
            description.declare::<T>("t", None, "", |_| Definition::Abstract);
        }
        assert!(description.problems.contains("two Rust types are called t"));
    }

    #[test]
    fn two_types_of_one_name_are_a_problem() {
        let mut description = Description::default();
        description.declare::<u8>("t", None, "", |_| Definition::Abstract);
        description.declare::<u8>("t", None, "", |_| unreachable!());
        assert_eq!(description.problems, "");
        description.declare::<u16>("t", None, "", |_| Definition::Abstract);
        assert!(description.problems.contains("two Rust types are called t"));
    }
}
