//! Results of methods that outlive the method, or that cannot be sent to another thread.

#![allow(unused)]

use futures_lite::stream::{self, Stream};
use lwt_rust::{AbstractType, func, methods};

#[derive(AbstractType)]
struct Client;

#[methods]
impl Client {
    fn stream(&self) -> impl Stream<Item = i64> {
        stream::empty()
    }

    async fn stream_later(&self) -> impl Stream<Item = i64> {
        stream::empty()
    }
}

fn main() {}
