//! Values there and back, with and without waiting.

use std::time::Duration;

use lwt_rust::{Error, Promise, Root};

lwt_rust::export! {
    #![unsafe(no_mangle)]

    /// Gives its argument back at once.
    async fn test_ready(value: Root) -> Result<Root, Error> {
        Ok(value)
    }

    /// Gives its argument back after so many turns of the executor.
    async fn test_yield(turns: u64, value: Root) -> Result<Root, Error> {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        Ok(value)
    }

    /// Gives its argument back after a time on a timer of tokio's.
    async fn test_sleep(milliseconds: u64, value: Root) -> Result<Root, Error> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        Ok(value)
    }

    /// Gives a number back by way of a tokio worker.
    async fn test_spawn(number: i64) -> Result<i64, Error> {
        Ok(tokio::spawn(async move { number }).await?)
    }

    /// Returns the value with which a promise resolves.
    async fn test_await(promise: Promise<Root>) -> Result<Root, Error> {
        promise.await
    }

    /// Awaits a promise of OCaml's on a tokio worker.
    async fn test_await_on_tokio(promise: Promise<i64>) -> Result<i64, Error> {
        tokio::spawn(promise).await?
    }

    /// A promise whose resolver resolves on a thread of its own.
    async fn test_resolver(number: i64) -> Result<i64, Error> {
        let (resolver, promise) = Promise::new();
        std::thread::spawn(move || resolver.resolve(number));
        promise.await
    }

    /// Everything that has a conversion, read and made anew.
    async fn test_convert(
        flags: (bool, Option<bool>),
        integers: (i32, i64, u32),
        float: f64,
        text: (String, Vec<u8>)
    ) -> Result<((bool, Option<bool>), (i32, i64, u32), f64, (String, Vec<u8>)), Error> {
        Ok((flags, integers, float, text))
    }

    /// A value that OCaml's `int` cannot hold.
    async fn test_too_large(_unit: ()) -> Result<i64, Error> {
        Ok(i64::MAX)
    }
}
