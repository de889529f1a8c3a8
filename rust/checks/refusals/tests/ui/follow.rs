//! Functions and types that are refused, and code that uses them. Each has one error.

use lwt_rust::{AbstractType, FromOcaml, IntoOcaml, OcamlType, Poly, func};

/// The option is wrong.
#[func(blokcing)]
fn option() {}

/// A type parameter is missing.
#[func]
fn parameter(value: Poly<A>) -> Poly<A> {
    value
}

/// OCaml has no lifetimes.
#[func]
fn borrows(text: &str) -> usize {
    text.len()
}

#[func]
struct NoFunction;

struct Methods;

impl Methods {
    #[func]
    fn method(&self) -> i64 {
        1
    }

    #[func]
    fn associated() -> i64 {
        2
    }

    fn both(&self) -> i64 {
        self.method() + Methods::associated()
    }
}

#[derive(OcamlType, FromOcaml, IntoOcaml)]
struct Generic<T>(T);

#[derive(OcamlType, FromOcaml, IntoOcaml)]
#[ocaml(nmae = "x")]
struct Misspelt {
    n: i64,
}

#[derive(AbstractType)]
#[ocaml(same_as = "int")]
struct Abstract;

#[func]
async fn uses(_generic: Generic<i64>, misspelt: Misspelt) -> (Misspelt, lwt_rust::Abstract<Abstract>) {
    (misspelt, lwt_rust::Abstract::new(Abstract))
}

lwt_rust::library![option, parameter, borrows, uses];

fn main() {
    option();
    borrows("");
    drop(NoFunction);
    Methods.both();
}
