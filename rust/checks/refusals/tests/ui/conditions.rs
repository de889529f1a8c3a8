//! Items with conditions, of which OCaml cannot have the one that is left.

#![allow(unused)]

use lwt_rust::{AbstractType, Error, func, interface, methods};

#[func]
fn borrows(#[cfg(all())] text: &str, #[cfg(any())] n: i64) {}

#[func]
fn no_option(#[cfg_attr(all(), ocaml(optional))] n: i64) {}

#[func]
fn unknown(#[cfg_attr(all(), ocaml(labelled))] n: i64, #[cfg(any())] m: i64) {}

struct Plain;

#[func]
fn no_type_of_ocaml(#[cfg(any())] n: i64, #[cfg(all())] value: Plain) {}

#[func(blocked)]
fn wrong_option(#[cfg(any())] n: i64) {}

#[func]
fn no_condition(#[cfg] n: i64) {}

#[func]
fn two_conditions(#[cfg(unix, windows)] n: i64) {}

#[func]
fn no_attribute(#[cfg_attr(unix)] n: i64) {}

#[func]
fn unknown_condition(#[cfg(unixx)] n: i64) {}

#[func]
fn used(#[cfg(any())] n: i64) -> i64 {
    n
}

#[derive(AbstractType)]
struct Client;

#[methods]
impl Client {
    fn borrows(&self, #[cfg(all())] text: &str, #[cfg(any())] n: i64) {}

    #[cfg_attr(all(), func(protected))]
    fn protected_at_once(&self) {}

    #[cfg_attr(all(), func)]
    #[func(blocking)]
    fn two_attributes(&self) {}
}

#[interface]
trait Lines {
    async fn get(&self, #[cfg(all())] change: &mut i64) -> Result<(), Error>;
}

#[interface]
trait Options {
    async fn get(&self, #[cfg_attr(all(), ocaml(label))] n: i64) -> Result<(), Error>;
}

struct Block;

impl Block {
    #[func]
    fn in_a_block(#[cfg(all())] n: i64) -> Self {
        Block
    }
}

fn main() {}
