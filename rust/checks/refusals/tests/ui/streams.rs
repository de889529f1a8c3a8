//! Streams that OCaml cannot get.

use std::rc::Rc;

use futures_lite::{Stream, StreamExt, stream};
use lwt_rust::{LwtStream, func};

#[func]
fn not_send() -> impl Stream<Item = usize> {
    let shared = Rc::new(1);
    stream::iter(0..3).map(move |number| number + *shared)
}

struct Opaque;

#[func]
fn of_opaque() -> impl Stream<Item = Opaque> {
    stream::empty()
}

#[func]
fn of_iterator() -> impl Iterator<Item = i64> {
    0..3
}

#[func]
fn in_an_option() -> Option<impl Stream<Item = i64>> {
    Some(stream::empty())
}

#[func]
fn without_items() -> impl Stream {
    stream::empty::<i64>()
}

#[func]
fn of_any<A>(items: LwtStream<A>) {
    drop(items);
}

#[func]
async fn argument(items: impl Stream<Item = i64>) {
    drop(items);
}

lwt_rust::library! {
    not_send, of_opaque, of_iterator, in_an_option, without_items, of_any, argument,
}

fn main() {}
