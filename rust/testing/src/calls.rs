//! Values there and back, with and without waiting.

use std::time::Duration;

use lwt_rust::{
    Closure, Error, IntoOcaml, Lock, OcamlType, Poly, PortablePromise, Promise, Val,
    bindings::Type, func,
};

/// Gives its argument back at once.
#[func]
pub(crate) async fn ready<A>(value: Poly<A>) -> Poly<A> {
    value
}

/// Gives its argument back after so many turns of the executor.
#[func]
pub(crate) async fn r#yield<A>(turns: u64, value: Poly<A>) -> Poly<A> {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    value
}

/// Gives its argument back after a time on a timer of tokio's.
#[func]
pub(crate) async fn sleep<A>(milliseconds: u64, value: Poly<A>) -> Poly<A> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    value
}

/// Gives a number back by way of a tokio worker.
#[func]
pub(crate) async fn spawn(number: i64) -> Result<i64, Error> {
    Ok(tokio::spawn(async move { number }).await?)
}

/// Returns the value with which a promise resolves.
#[func]
pub(crate) async fn r#await<A>(promise: Promise<Poly<A>>) -> Result<Poly<A>, Error> {
    promise.await
}

/// Does the same with a promise that any domain may resolve.
#[func]
pub(crate) async fn await_portable<A>(promise: PortablePromise<Poly<A>>) -> Result<Poly<A>, Error> {
    promise.await
}

/// Awaits a promise of OCaml's on a tokio worker.
#[func]
pub(crate) async fn await_on_tokio(promise: Promise<i64>) -> Result<i64, Error> {
    tokio::spawn(promise).await?
}

/// A promise whose resolver resolves on a thread of its own.
#[func]
pub(crate) async fn resolver(number: i64) -> Result<i64, Error> {
    let (resolver, promise) = Promise::new();
    std::thread::spawn(move || resolver.resolve(number));
    promise.await
}

/// Everything that has a conversion, read and made anew.
#[func]
pub(crate) async fn convert(
    flags: (bool, Option<bool>),
    integers: (i32, i64, u32),
    float: f64,
    text: (String, Vec<u8>),
) -> (
    (bool, Option<bool>),
    (i32, i64, u32),
    f64,
    (String, Vec<u8>),
) {
    (flags, integers, float, text)
}

/// A value that OCaml's `int` cannot hold.
#[func]
pub(crate) async fn too_large() -> i64 {
    i64::MAX
}

/// A number whose conversion calls OCaml.
pub(crate) struct Converted(Closure<i64, i64>);

// SAFETY: `into_ocaml` gives a number.
unsafe impl OcamlType for Converted {
    const TYPE: Type = i64::TYPE;
}

// SAFETY: it gives what `i64` gives.
unsafe impl IntoOcaml for Converted {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        self.0.call(lock, 1)?.into_ocaml(lock)
    }
}

/// Gives what `f` gives, which OCaml calls when the function has returned.
#[func]
pub(crate) async fn converted(f: Closure<i64, i64>) -> Converted {
    tokio::task::yield_now().await;
    Converted(f)
}
