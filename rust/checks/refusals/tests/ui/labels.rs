//! Labels of arguments that OCaml cannot have.

#![allow(unused)]

use lwt_rust::{Int64, func};

#[func]
fn not_an_option(#[ocaml(optional)] n: i64) {}

#[func]
fn both(#[ocaml(label, optional)] n: Option<i64>) {}

#[func]
fn optional_with(#[ocaml(optional, with = Int64)] n: Option<u64>) {}

#[func]
fn without_a_name(#[ocaml(label)] (a, b): (i64, i64)) {}

#[func]
fn two_of_one_name(a: i64, #[ocaml(label, name = "a")] b: i64) {}

#[func]
fn a_keyword(#[ocaml(label, name = "end")] a: i64) {}

#[func]
fn unknown(#[ocaml(labelled)] a: i64) {}

fn main() {}
