//! Functions that OCaml cannot call.

#![allow(unused)]

use lwt_rust::func;

#[func]
async fn generic<T>(value: T) {}

#[func]
fn constant<const N: usize>() {}

#[func]
async fn lifetime<'a>(text: String) {}

#[func]
fn with_a_clause(n: i64)
where
    i64: Copy,
{
}

#[func]
async fn borrowed(text: &str) {}

#[func]
async fn borrowed_within(texts: Vec<&'static str>) {}

#[func]
async fn pointer(address: *const u8) {}

#[func]
fn implementation(f: impl Fn()) {}

#[func]
fn function_pointer(f: fn(i64) -> i64) {}

#[func]
fn returns_a_future() -> impl Future<Output = ()> {
    async {}
}

#[func]
unsafe fn not_safe() {}

#[func]
extern "C" fn foreign() {}

struct Receiver;

impl Receiver {
    #[func]
    fn method(&self) {}

    #[func]
    fn associated(n: i64) -> i64 {
        n
    }

    #[func]
    async fn of_the_type() -> Self {
        Receiver
    }
}

#[func]
fn has_a_type_with_functions() {
    struct Inner;

    impl Inner {
        fn new() -> Self {
            Inner
        }
    }

    Inner::new();
}

#[func]
struct NoFunction;

#[func]
fn bool() {}

#[func]
fn Capital() {}

fn main() {}
