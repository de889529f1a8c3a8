//! Traits that OCaml cannot implement, and functions that it cannot have as values.

#![allow(unused)]

use lwt_rust::{Closure, Error, LwtPromise, Poly, RustFn, RustLwtFn, func, interface};

#[interface]
trait NotAsync {
    fn get(&self) -> Result<(), Error>;
}

#[interface]
trait Infallible {
    async fn get(&self) -> i64;
}

#[interface]
trait Nothing {
    async fn get(&self);
}

#[interface]
trait Changes {
    async fn get(&mut self) -> Result<(), Error>;
}

#[interface]
trait Associated {
    async fn get() -> Result<(), Error>;
}

#[interface]
trait Generic<T> {
    async fn get(&self) -> Result<T, Error>;
}

#[interface]
trait GenericMethod {
    async fn get<T>(&self) -> Result<T, Error>;
}

#[interface]
trait Empty {
    fn own(&self) {}
}

#[interface(send)]
trait Options {
    async fn get(&self) -> Result<(), Error>;
}

#[interface]
trait Nine {
    async fn get(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8) -> Result<(), Error>;
}

#[interface]
trait WithOptions {
    async fn get(&self, #[ocaml(label)] a: u8) -> Result<(), Error>;
}

#[interface]
struct NoTrait;

#[interface]
trait OtherError {
    async fn get(&self) -> Result<(), i64>;
}

#[func]
fn not_sent() -> RustFn<(), ()> {
    let local = std::rc::Rc::new(());
    RustFn::new(move |()| {
        let _ = &local;
        Ok(())
    })
}

#[func]
fn no_result() -> RustFn<(), i64> {
    RustFn::new(|()| 1)
}

#[func]
fn local_future() -> RustLwtFn<(), ()> {
    RustLwtFn::new(|()| async {
        let local = std::rc::Rc::new(());
        std::future::ready(()).await;
        drop(local);
        Ok(())
    })
}

#[func]
fn keeps<A>(value: Poly<A>) -> RustFn<(), Poly<A>> {
    let value = std::sync::Mutex::new(Some(value));
    RustFn::new(move |()| Ok(value.lock().unwrap().take().unwrap()))
}

#[func]
fn takes_a_function(f: RustFn<(), ()>) {}

#[func]
fn takes_a_promise(promise: LwtPromise<()>) {}

fn main() {}
