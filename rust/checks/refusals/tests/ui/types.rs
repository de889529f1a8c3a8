//! Types that OCaml does not know.

use lwt_rust::{AbstractType, FromOcaml, OcamlType, func};

struct Unknown;

#[func]
async fn argument(_unknown: Unknown) {}

#[func]
async fn result() -> Unknown {
    Unknown
}

#[func]
async fn not_an_error() -> Result<(), Unknown> {
    Ok(())
}

#[func]
async fn boxed() -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

#[func]
fn boxed_and_send() -> Result<(), Box<dyn std::error::Error + Send>> {
    Ok(())
}

type Boxed = Box<dyn std::error::Error>;

#[func]
fn boxed_with_a_name() -> Result<(), Boxed> {
    Ok(())
}

#[derive(OcamlType, FromOcaml)]
struct Borrowed<'a>(&'a str);

#[derive(OcamlType, FromOcaml)]
struct Long<const N: usize>([i64; N]);

#[derive(OcamlType, FromOcaml)]
struct Generic<T>(Vec<T>);

#[derive(OcamlType)]
struct Same<T, t>(T, t);

#[func]
fn list_or_string(_list: Generic<u8>) {}

#[lwt_rust::func]
fn tuple_or_arguments(_list: Generic<(i64, i64)>) {}

#[func]
fn unknown_argument(_list: Generic<Unknown>) {}

#[derive(OcamlType)]
enum Empty {}

#[derive(OcamlType)]
union Union {
    a: i64,
    b: i64,
}

#[derive(OcamlType)]
#[ocaml(polymorphic)]
enum Fields {
    Named { a: i64 },
}

#[derive(OcamlType)]
#[ocaml(polymorphic)]
struct Polymorphic {
    a: i64,
}

#[derive(OcamlType)]
#[ocaml(nmae = "x")]
struct Misspelt {
    #[ocaml(name = "Big")]
    a: i64,
}

#[derive(OcamlType)]
struct Capital {
    #[ocaml(name = "Big")]
    a: i64,
}

#[derive(OcamlType)]
enum Constructor {
    #[ocaml(name = "small")]
    Small,
}

#[derive(OcamlType)]
#[ocaml(same_as = "Unix.file_descr")]
struct NewType(i64);

#[derive(OcamlType)]
#[ocaml(polymorphic, same_as = "Colour.t")]
enum SamePolymorphic {
    Red,
}

#[derive(AbstractType)]
#[ocaml(polymorphic)]
struct Abstract;

#[derive(AbstractType)]
struct NotSend(std::rc::Rc<i64>);

fn main() {}
