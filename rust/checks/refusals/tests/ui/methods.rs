//! Blocks whose functions OCaml cannot have as methods, and modules that a library cannot
//! have.

#![allow(unused)]

use lwt_rust::{AbstractType, func, methods};

#[derive(AbstractType)]
struct Client;

#[methods]
impl Client {
    fn changes(&mut self) {}

    fn in_a_box(self: Box<Self>) {}

    fn borrows(&self, text: &str) {}

    fn borrowed(&self) -> &str {
        ""
    }

    fn generic<T>(&self, value: T) {}

    #[func(protected)]
    fn protected_at_once(&self) {}

    fn fails(&self) -> Result<(), i64> {
        Ok(())
    }

    unsafe fn not_safe(&self) {}

    #[func]
    #[func(blocking)]
    fn two_attributes(&self) {}

    fn array(&self) -> [i64; Self::LENGTH] {
        [0]
    }

    const LENGTH: usize = 1;

    fn é(&self) {}
}

struct Unknown;

#[methods]
impl Unknown {
    fn get(&self) {}
}

struct Generic<T>(T);

#[methods]
impl<T> Generic<T> {
    fn get(&self) {}
}

#[methods]
impl Clone for Client {
    fn clone(&self) -> Self {
        Client
    }
}

#[methods]
impl (Client,) {}

#[methods(blocking)]
impl Client {
    fn options() {}
}

#[methods]
fn no_block() {}

#[derive(AbstractType)]
struct Twice;

#[methods]
impl Twice {}

#[methods]
impl Twice {}

mod inner {
    #[lwt_rust::func]
    pub fn get() {}
}

mod _private {}

lwt_rust::library! { mod inner { super::get } }

lwt_rust::library! { mod _private {} }

lwt_rust::library! {
    #[ocaml(name = "lower")]
    mod inner { get }
}

lwt_rust::library! {
    #[allow(unused)]
    mod inner { get }
}

lwt_rust::library! {
    /// A comment.
    inner::get
}

lwt_rust::library! { inner::get inner::get }

fn main() {}
