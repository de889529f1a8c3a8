//! The description of a crate for OCaml: types, and the records that `lwt-rust bindings`
//! finds in the built file.
//!
//! A record is a static of bytes. The compiler writes it into the file, so
//! `lwt-rust bindings` only has to read the file. It need not run it, so linker options,
//! missing libraries and foreign processors do not matter.
//!
//! For example, a record with one item of two fields is `4:name5:value` and the end of a
//! line, between [`MARK`] and a full stop. In general, a record is [`MARK`], items, and a
//! full stop. An item is fields and the end of a line. A field is its length, a colon and
//! its text.

/// The first bytes of a record. The number in it changes when the format of records
/// changes.
const MARK: &str = "\u{7f}lwt_rust 1\n";

/// An OCaml type expression.
///
/// It is a constant made of other constants: `Type::list(&<i64 as OcamlType>::TYPE)`.
#[derive(Clone, Copy, Debug)]
pub struct Type(Shape);

#[derive(Clone, Copy, Debug)]
enum Shape {
    Named(&'static str),
    Variable(&'static str),
    /// The path of a type, and its arguments.
    Declared(&'static str, &'static [Type]),
    Applied(&'static Type, &'static str),
    Result(&'static Type, &'static Type),
    Tuple(&'static [Type]),
    /// The types of the arguments, and that of the result.
    Arrow(&'static [Type], &'static Type),
}

/// How tightly a type expression binds. A type needs parentheses where a tighter one is
/// required.
#[derive(Clone, Copy, Debug)]
enum Level {
    Arrow,
    Product,
    Simple,
}

impl Type {
    /// A type that has a name, with its arguments if it has any: `"int"`.
    pub const fn named(name: &'static str) -> Self {
        Type(Shape::Named(name))
    }

    /// A type variable, named without its quote.
    pub const fn variable(name: &'static str) -> Self {
        Type(Shape::Variable(name))
    }

    /// The type that the record of the Rust type with this path declares.
    #[doc(hidden)]
    pub const fn declared(path: &'static str) -> Self {
        Type::declared_with(path, &[])
    }

    /// The same, of a type with parameters.
    #[doc(hidden)]
    pub const fn declared_with(path: &'static str, arguments: &'static [Type]) -> Self {
        Type(Shape::Declared(path, arguments))
    }

    /// `argument name`, such as `t option`.
    pub const fn applied(argument: &'static Type, name: &'static str) -> Self {
        Type(Shape::Applied(argument, name))
    }

    /// `element list`
    pub const fn list(element: &'static Type) -> Self {
        Type::applied(element, "list")
    }

    /// `element array`
    pub const fn array(element: &'static Type) -> Self {
        Type::applied(element, "array")
    }

    /// `(value, error) result`
    pub const fn result(value: &'static Type, error: &'static Type) -> Self {
        Type(Shape::Result(value, error))
    }

    /// A tuple. Without types it is `unit`, and with one type it is that type.
    pub const fn tuple(types: &'static [Type]) -> Self {
        match types {
            [] => Type::named("unit"),
            [only] => *only,
            types => Type(Shape::Tuple(types)),
        }
    }

    /// `first -> second -> result`
    pub const fn arrow(arguments: &'static [Type], result: &'static Type) -> Self {
        Type(Shape::Arrow(arguments, result))
    }

    const fn level(&self) -> Level {
        match self.0 {
            Shape::Arrow(..) => Level::Arrow,
            Shape::Tuple(_) => Level::Product,
            _ => Level::Simple,
        }
    }
}

/// A field of an item.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "nobody but our macros uses this")]
pub enum Part {
    Text(&'static str),
    /// A type that stands by itself.
    Type(Type),
    /// A type before an arrow.
    Argument(Type),
    /// The argument of a type constructor such as `list`, or a part of a tuple.
    Simple(Type),
}

/// The length of a record of these items.
pub const fn length(items: &[&[Part]]) -> usize {
    Writer::<0>::new().record(items).length
}

/// The record of these items.
///
/// # Panics
///
/// If `N` is not the [`length`] of the record.
pub const fn record<const N: usize>(items: &[&[Part]]) -> [u8; N] {
    let record = Writer::new().record(items);
    assert!(record.length == N, "N is the length of the record");
    record.bytes
}

/// Writes a record. If `N` is 0, it only measures the record.
struct Writer<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Writer {
            bytes: [0; N],
            length: 0,
        }
    }

    const fn record(mut self, items: &[&[Part]]) -> Self {
        self.text(MARK);
        let mut item = 0;
        while item < items.len() {
            let mut part = 0;
            while part < items[item].len() {
                self.field(&items[item][part]);
                part += 1;
            }
            self.text("\n");
            item += 1;
        }
        self.text(".");
        self
    }

    const fn field(&mut self, part: &Part) {
        let mut measured = Writer::<0>::new();
        measured.part(part);
        self.number(measured.length);
        self.text(":");
        self.part(part);
    }

    const fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => self.text(text),
            Part::Type(ty) => self.ty(ty, Level::Arrow),
            Part::Argument(ty) => self.ty(ty, Level::Product),
            Part::Simple(ty) => self.ty(ty, Level::Simple),
        }
    }

    /// Writes a type, in parentheses if it binds less tightly than `level`.
    const fn ty(&mut self, ty: &Type, level: Level) {
        if (ty.level() as u8) < level as u8 {
            self.text("(");
            self.ty(ty, Level::Arrow);
            self.text(")");
            return;
        }
        match &ty.0 {
            Shape::Named(name) => self.text(name),
            Shape::Variable(name) => {
                self.text("'");
                self.text(name);
            }
            // `lwt-rust bindings` replaces this by the OCaml name of the type.
            Shape::Declared(path, arguments) => {
                match arguments {
                    [] => {}
                    [only] => {
                        self.ty(only, Level::Simple);
                        self.text(" ");
                    }
                    several => {
                        self.text("(");
                        self.separated(several, ", ", Level::Arrow);
                        self.text(") ");
                    }
                }
                self.text("{");
                self.text(path);
                self.text("}");
            }
            Shape::Applied(argument, name) => {
                self.ty(argument, Level::Simple);
                self.text(" ");
                self.text(name);
            }
            Shape::Result(value, error) => {
                self.text("(");
                self.ty(value, Level::Arrow);
                self.text(", ");
                self.ty(error, Level::Arrow);
                self.text(") result");
            }
            Shape::Tuple(types) => self.separated(types, " * ", Level::Simple),
            Shape::Arrow(arguments, result) => {
                self.separated(arguments, " -> ", Level::Product);
                self.text(" -> ");
                self.ty(result, Level::Arrow);
            }
        }
    }

    const fn separated(&mut self, types: &[Type], separator: &str, level: Level) {
        let mut index = 0;
        while index < types.len() {
            if index > 0 {
                self.text(separator);
            }
            self.ty(&types[index], level);
            index += 1;
        }
    }

    const fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.write(&[b'0' + (number % 10) as u8]);
    }

    const fn text(&mut self, text: &str) {
        self.write(text.as_bytes());
    }

    const fn write(&mut self, bytes: &[u8]) {
        let start = self.length;
        self.length += bytes.len();
        if N == 0 {
            return;
        }
        let (_, rest) = self.bytes.split_at_mut(start);
        // The compiler counts the iterations of a loop in a constant, and warns if there
        // are many. So large chunks are copied first.
        let (rest, bytes) = copy::<64>(rest, bytes);
        let (rest, bytes) = copy::<8>(rest, bytes);
        copy::<1>(rest, bytes);
    }
}

/// Copies all whole chunks. Returns the rest of both.
const fn copy<'t, 'f, const N: usize>(
    mut to: &'t mut [u8],
    mut from: &'f [u8],
) -> (&'t mut [u8], &'f [u8]) {
    while let Some((chunk, rest)) = from.split_first_chunk::<N>() {
        let Some((place, others)) = to.split_first_chunk_mut::<N>() else {
            panic!("a record is as long as it was measured");
        };
        *place = *chunk;
        to = others;
        from = rest;
    }
    (to, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: Type = Type::named("int");
    const PAIR: Type = Type::tuple(&[INT, Type::variable("a")]);
    const B: Type = Type::declared("a::B");
    const FUNCTION: Type = Type::arrow(&[PAIR], &Type::applied(&INT, "Lwt.t"));

    /// The text of a record with one field.
    fn written(part: Part) -> String {
        let items: &[&[Part]] = &[&[part]];
        let mut writer = Writer::<1000>::new();
        writer = writer.record(items);
        assert_eq!(writer.length, length(items));
        let text = String::from_utf8(writer.bytes[..writer.length].to_vec()).unwrap();
        let field = text
            .strip_prefix(MARK)
            .and_then(|text| text.strip_suffix("\n."))
            .expect("a record with one item");
        let (length, field) = field.split_once(':').expect("a field");
        assert_eq!(length, field.len().to_string());
        field.to_owned()
    }

    #[test]
    fn types_are_in_parentheses_where_they_must_be() {
        let whole = |ty| written(Part::Type(ty));
        assert_eq!(whole(Type::list(&PAIR)), "(int * 'a) list");
        assert_eq!(whole(FUNCTION), "int * 'a -> int Lwt.t");
        assert_eq!(written(Part::Argument(FUNCTION)), "(int * 'a -> int Lwt.t)");
        assert_eq!(written(Part::Argument(PAIR)), "int * 'a");
        assert_eq!(written(Part::Simple(PAIR)), "(int * 'a)");
        assert_eq!(
            whole(Type::arrow(&[FUNCTION, INT], &INT)),
            "(int * 'a -> int Lwt.t) -> int -> int"
        );
        assert_eq!(
            whole(Type::applied(&FUNCTION, "option")),
            "(int * 'a -> int Lwt.t) option"
        );
        assert_eq!(whole(Type::tuple(&[PAIR, INT])), "(int * 'a) * int");
        assert_eq!(
            whole(Type::result(&FUNCTION, &B)),
            "(int * 'a -> int Lwt.t, {a::B}) result"
        );
        assert_eq!(whole(Type::tuple(&[])), "unit");
        const PAGE: Type = Type::declared_with("a::Page", &[PAIR]);
        assert_eq!(whole(Type::list(&PAGE)), "(int * 'a) {a::Page} list");
        const BOTH: Type = Type::declared_with("a::Both", &[PAIR, FUNCTION]);
        assert_eq!(
            written(Part::Simple(BOTH)),
            "(int * 'a, int * 'a -> int Lwt.t) {a::Both}"
        );
    }

    #[test]
    fn records_are_made_at_compile_time() {
        const LONG: &str = "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123";
        const ITEMS: &[&[Part]] = &[&[Part::Text("a\n:."), Part::Text("")], &[Part::Text(LONG)]];
        static RECORD: [u8; length(ITEMS)] = record(ITEMS);
        let expected = format!("\u{7f}lwt_rust 1\n4:a\n:.0:\n70:{LONG}\n.");
        assert_eq!(RECORD, *expected.as_bytes());
    }
}
