//! Paths by which `lwt-rust` is not known.

#![allow(unused)]

use lwt_rust::{AbstractType, func, interface, library, methods};

#[func(crate = "unknown::lwt_rust")]
fn from_nowhere(n: i64) -> i64 {
    n
}

#[func(crate = "no path")]
fn no_path() {}

#[func(crate)]
fn no_value() {}

#[derive(AbstractType)]
#[ocaml(crate = "")]
struct Client;

#[methods(crate = 1)]
impl Client {}

#[interface(name = "texts", crate = "lwt_rust")]
trait Texts {}

library! { crate = "unknown"; from_nowhere }

library! { crate = lwt_rust from_nowhere }

fn main() {}
