//! Methods on other threads, whose results cannot be sent.

#![allow(unused)]

use std::rc::Rc;

use lwt_rust::{AbstractType, func, methods};

#[derive(AbstractType)]
struct Client;

#[methods]
impl Client {
    #[func(blocking)]
    fn not_sent(&self) -> Rc<str> {
        "".into()
    }
}

fn main() {}
