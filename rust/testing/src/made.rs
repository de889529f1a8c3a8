//! Rust functions that are values in OCaml, and functions of several arguments.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lwt_rust::{
    Closure, Error, FromOcaml, IntoOcaml, LwtFn, LwtPromise, OcamlType, RustFn, RustLwtFn,
    with_lock,
};
use tokio::time::sleep;

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// Something that a function has captured.
struct Captured;

impl Captured {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Captured
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many functions have captured something.
#[lwt_rust::func]
pub(crate) fn captured() -> usize {
    ALIVE.load(Ordering::SeqCst)
}

/// A function that adds up what it is given.
#[lwt_rust::func]
pub(crate) fn adder(first: usize) -> RustFn<usize, usize> {
    let captured = Captured::new();
    let sum = Arc::new(AtomicUsize::new(first));
    RustFn::new(move |n| {
        let _ = &captured;
        Ok(sum.fetch_add(n, Ordering::SeqCst) + n)
    })
}

/// A function of eight arguments.
#[lwt_rust::func]
#[allow(clippy::type_complexity)]
pub(crate) fn of_eight() -> RustFn<(f64, String, u8, u8, u8, u8, u8, Vec<f64>), String> {
    RustFn::new(|(a, b, c, d, e, f, g, h)| Ok(format!("{a} {b} {c}{d}{e}{f}{g} {h:?}")))
}

#[derive(OcamlType, IntoOcaml)]
pub(crate) struct Subscription {
    unsubscribe: RustFn<(), usize>,
    wait: RustLwtFn<(Duration, String), String>,
    fail: RustLwtFn<bool, ()>,
}

/// Functions in a record.
#[lwt_rust::func]
pub(crate) async fn subscribe(time: Duration) -> Subscription {
    sleep(time).await;
    let count = AtomicUsize::new(0);
    let captured = Arc::new(Captured::new());
    Subscription {
        unsubscribe: RustFn::new(move |()| match count.fetch_add(1, Ordering::SeqCst) {
            3 => Err(Error::message("three times")),
            4 => panic!("four times"),
            count => Ok(count),
        }),
        wait: RustLwtFn::new(move |(time, text)| {
            let captured = captured.clone();
            async move {
                sleep(time).await;
                drop(captured);
                Ok(text)
            }
        }),
        fail: RustLwtFn::new(|panics: bool| async move {
            tokio::task::yield_now().await;
            if panics {
                panic!("later");
            }
            Err(Error::message("later"))
        }),
    }
}

/// Makes a function that calls another one.
#[lwt_rust::func]
pub(crate) fn compose(f: Closure<u8, u8>, g: LwtFn<u8, u8>) -> (RustFn<u8, u8>, RustLwtFn<u8, u8>) {
    (
        RustFn::new(move |n| with_lock(|lock| f.call(lock, n))),
        RustLwtFn::new(move |n| {
            let g = g.clone();
            async move { g.call(n).await }
        }),
    )
}

/// Calls a function of a function.
#[lwt_rust::func]
pub(crate) fn maker() -> RustFn<(u8, RustArgument), RustFn<(), u8>> {
    RustFn::new(|(n, f): (u8, RustArgument)| {
        Ok(RustFn::new(move |()| with_lock(|lock| f.0.call(lock, n))))
    })
}

/// A function with a name.
#[derive(OcamlType, FromOcaml)]
pub(crate) struct RustArgument(Closure<u8, u8>);

/// Calls a function of several arguments.
#[lwt_rust::func]
pub(crate) async fn call_three(
    f: LwtFn<(String, f64, Vec<i64>), (String, f64)>,
) -> Result<(String, f64), Error> {
    f.call(("text".to_owned(), 1.5, vec![1, 2])).await
}

/// Calls one of a pair.
#[lwt_rust::func]
pub(crate) async fn call_pair(f: LwtFn<((u8, u8),), u8>) -> Result<u8, Error> {
    f.call(((1, 2),)).await
}

/// Calls one of eight arguments, which returns no promise.
#[lwt_rust::func]
#[allow(clippy::type_complexity)]
pub(crate) fn call_eight(
    f: Closure<(u8, u8, u8, u8, u8, u8, u8, u8), Vec<i64>>,
) -> Result<Vec<i64>, Error> {
    with_lock(|lock| f.call(lock, (1, 2, 3, 4, 5, 6, 7, 8)))
}

/// Calls a function of two arguments from a thread of tokio's.
#[lwt_rust::func]
pub(crate) async fn call_two_on_tokio(f: LwtFn<(u8, u8), u8>) -> Result<u8, Error> {
    let called = lwt_rust::spawn_scoped(async move { f.call((1, 2)).await });
    called.await?
}

/// Promises in a record.
#[derive(OcamlType, IntoOcaml)]
pub(crate) struct Job {
    finished: LwtPromise<String>,
    others: Vec<LwtPromise<usize>>,
}

/// Promises that come after a while: a text or an error, and numbers up to `count`, of which the
/// last one is a panic.
#[lwt_rust::func]
pub(crate) fn start_job(time: Duration, text: Option<String>, count: usize) -> Job {
    let captured = Captured::new();
    Job {
        finished: LwtPromise::new(async move {
            sleep(time).await;
            drop(captured);
            text.ok_or_else(|| Error::message("no text"))
        }),
        others: (0..count)
            .map(|n| {
                LwtPromise::new(async move {
                    if n % 2 == 1 {
                        tokio::task::yield_now().await;
                    }
                    if n + 1 == count {
                        panic!("the last");
                    }
                    Ok(n)
                })
            })
            .collect(),
    }
}

/// The same, after a while.
#[lwt_rust::func]
pub(crate) async fn start_job_later(time: Duration, text: Option<String>) -> Job {
    sleep(time).await;
    start_job(time, text, 3)
}

/// A value that cannot be converted.
#[lwt_rust::func]
pub(crate) fn too_large() -> (LwtPromise<u64>,) {
    (LwtPromise::new(async { Ok(u64::MAX) }),)
}

/// Where texts are kept.
#[lwt_rust::interface]
pub(crate) trait Storage: Send + Sync {
    /// The text with this key.
    async fn get(&self, key: &str) -> Result<Option<String>, Error>;
    /// Keeps a text.
    async fn set(&self, key: &str, text: &str, times: u8) -> Result<(), OfStorage>;
    async fn sum(&self, numbers: &[i64], pair: (i64, i64), _: ()) -> Result<i64, Error>;
    #[ocaml(name = "clear_all")]
    async fn clear(&self) -> lwt_rust_result::Result<()>;

    /// Rust's own.
    fn limit(&self) -> usize {
        10
    }

    #[cfg(any())]
    async fn gone(&self) -> Result<Missing, Error>;
}

/// An alias of `Result`, whose error is another one.
mod lwt_rust_result {
    pub(crate) type Result<T> = std::result::Result<T, super::OfStorage>;
}

#[derive(Debug)]
pub(crate) struct OfStorage(Error);

impl std::fmt::Display for OfStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("of the storage")
    }
}

impl std::error::Error for OfStorage {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None
    }
}

impl From<Error> for OfStorage {
    fn from(error: Error) -> Self {
        OfStorage(error)
    }
}

async fn copy(storage: impl Storage, key: &str) -> Result<i64, Error> {
    let Some(text) = storage.get(key).await? else {
        return Err(Error::message("no text"));
    };
    storage
        .set(&format!("{key}'"), &text, 2)
        .await
        .map_err(|OfStorage(error)| error)?;
    storage.clear().await.map_err(|OfStorage(error)| error)?;
    let sum = storage.sum(&[1, 2, 3], (4, 5), ()).await?;
    Ok(sum + storage.limit() as i64)
}

/// Copies a text.
#[lwt_rust::func]
pub(crate) async fn copy_text(storage: OcamlStorage, key: String) -> Result<i64, Error> {
    copy(storage, &key).await
}

/// Copies a text on a thread of tokio's.
#[lwt_rust::func]
pub(crate) async fn copy_text_on_tokio(storage: OcamlStorage, key: String) -> Result<i64, Error> {
    lwt_rust::spawn_scoped(async move { copy(storage, &key).await }).await?
}

/// Says what it was given.
#[lwt_rust::func]
pub(crate) async fn describe(
    text: String,
    #[ocaml(label)] times: u8,
    #[ocaml(optional)] prefix: Option<String>,
    #[ocaml(optional, name = "behind")] suffix: Option<Vec<String>>,
    #[ocaml(label, with = lwt_rust::Int64)] large: u64,
) -> String {
    let prefix = prefix.unwrap_or_else(|| "-".to_owned());
    format!("{prefix}{}{:?}{large}", text.repeat(times.into()), suffix)
}

/// The same with optional arguments only.
#[lwt_rust::func]
pub(crate) fn optional(
    #[ocaml(optional)] first: Option<u8>,
    #[ocaml(optional)] second: Option<Closure<u8, u8>>,
) -> Result<i64, Error> {
    let first = first.unwrap_or(1);
    Ok(match second {
        None => first.into(),
        Some(f) => with_lock(|lock| f.call(lock, first))?.into(),
    })
}

/// Functions whose argument is a type parameter.
#[derive(OcamlType, IntoOcaml)]
pub(crate) struct OfAny<T> {
    apply: RustFn<T, u32>,
}

/// A function of a pair.
#[lwt_rust::func]
pub(crate) fn of_a_pair() -> OfAny<((u32, u32),)> {
    OfAny {
        apply: RustFn::new(|((a, b),)| Ok(a * 10 + b)),
    }
}

/// A record of floats, of which one is in a tuple of its own.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) struct Flat {
    first: (f64,),
    second: f64,
}

/// There and back.
#[lwt_rust::func]
pub(crate) fn echo_flat(flat: Flat, others: Box<[(f64,)]>) -> (Flat, Box<[(f64,)]>) {
    (flat, others)
}

/// A function that says how much it keeps.
#[lwt_rust::func]
pub(crate) fn sized(bytes: usize) -> RustFn<(), ()> {
    let captured = Captured::new();
    let function = RustFn::new(move |()| {
        let _ = &captured;
        Ok(())
    });
    function.with_size(bytes)
}
