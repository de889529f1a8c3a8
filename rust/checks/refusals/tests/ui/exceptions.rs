//! Error types that have no exceptions in OCaml.

#![allow(unused)]

use std::{error::Error, fmt};

use lwt_rust::OcamlException;

macro_rules! error {
    ($($name:ident)*) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Ok(())
            }
        }

        impl Error for $name {}
    )* };
}

#[derive(Debug)]
struct NoClone;

#[derive(Debug, OcamlException)]
enum Empty {}

#[derive(Debug, OcamlException)]
enum Foreign {
    Unknown(NoClone),
    Io(std::io::Error),
}

#[derive(Debug, OcamlException)]
enum TwoInOne {
    #[ocaml(transparent)]
    Pair(std::io::Error, i64),
}

#[derive(Debug, OcamlException)]
enum NoError {
    #[ocaml(transparent)]
    Number(i64),
}

#[derive(Debug, OcamlException)]
#[ocaml(transparent)]
struct Transparent(std::io::Error);

#[derive(Debug, OcamlException)]
enum SameAs {
    #[ocaml(same_as = "not_found")]
    NotFound,
}

#[derive(Debug, OcamlException)]
enum Options {
    #[ocaml(polymorphic)]
    First,
}

#[derive(Debug, OcamlException)]
struct NotAnError;

#[derive(lwt_rust::OcamlType)]
struct Skips {
    #[ocaml(skip)]
    field: i64,
}

error!(Foreign TwoInOne NoError Transparent SameAs Options);

lwt_rust::library!(NoClone);

fn main() {}
