//! Errors of all types: boxes, messages, errors of other crates, and those that have OCaml
//! exceptions of their own.

use std::{error::Error as StdError, fmt, io};

use anyhow::Context;
use lwt_rust::{Error, LwtFn, LwtStream, OcamlException, func};

type Boxed = Box<dyn StdError + Send + Sync>;

/// What can go wrong with a store.
#[derive(Debug, OcamlException)]
pub(crate) enum StoreError {
    /// There is no such key.
    Missing(String),
    Conflict {
        /// Of the entry.
        key: String,
        version: u32,
    },
    Closed,
    Couple(i64, f64),
    Tuple((i64, f64)),
    Floats {
        x: f64,
        y: f64,
    },
    #[ocaml(name = "Too_deep")]
    Depth(Vec<Vec<String>>),
    Large(u64),
    #[ocaml(same_as = "Stdlib.Failure")]
    Failed(String),
    #[ocaml(same_as = "Stdlib.Not_found")]
    Nothing,
    #[ocaml(same_as = "Known.Many")]
    Many(i64, String, bool),
    #[ocaml(same_as = "Known.Named")]
    Named {
        name: String,
        size: i64,
    },
    PanicsWhenCloned(PanicsWhenCloned),
    Query {
        sql: String,
        #[ocaml(skip)]
        source: io::Error,
    },
    Skipped(#[ocaml(skip)] io::Error),
    #[ocaml(transparent)]
    Io(io::Error),
    #[ocaml(transparent)]
    Ocaml(lwt_rust::StdError),
    #[ocaml(transparent)]
    Any(anyhow::Error),
    #[ocaml(transparent)]
    Boxed(Boxed),
    #[ocaml(transparent)]
    Ours(Error),
    #[ocaml(transparent)]
    Shared(std::sync::Arc<io::Error>),
    #[ocaml(transparent)]
    Number(std::num::ParseIntError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Missing(key) => write!(f, "{key} is missing"),
            StoreError::Closed => panic!("panic while it is shown"),
            StoreError::Number(error) => write!(f, "no number: {error}"),
            other => fmt::Debug::fmt(other, f),
        }
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            StoreError::Query { source, .. } | StoreError::Skipped(source) => Some(source),
            _ => None,
        }
    }
}

/// The store has refused the client.
#[derive(Debug, OcamlException)]
pub(crate) struct Refused {
    reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.reason)
    }
}

impl StdError for Refused {}

#[derive(Debug, lwt_rust::OcamlType, lwt_rust::FromOcaml, lwt_rust::IntoOcaml)]
pub(crate) struct PanicsWhenCloned(bool);

impl Clone for PanicsWhenCloned {
    fn clone(&self) -> Self {
        match self.0 {
            true => panic!("panic of a clone"),
            false => PanicsWhenCloned(false),
        }
    }
}

/// An error of a crate that we do not know: it hides its content, as a `Report` of such a crate
/// does, and is no error itself.
pub(crate) struct Unknown(Boxed);

impl From<Unknown> for Boxed {
    fn from(unknown: Unknown) -> Self {
        unknown.0
    }
}

fn io_error() -> io::Error {
    io::Error::from_raw_os_error(2)
}

fn store_error(kind: &str) -> StoreError {
    match kind {
        "missing" => StoreError::Missing("k".to_owned()),
        "conflict" => StoreError::Conflict {
            key: "k".to_owned(),
            version: 3,
        },
        "closed" => StoreError::Closed,
        "pair" => StoreError::Couple(1, 2.5),
        "tuple" => StoreError::Tuple((1, 2.5)),
        "floats" => StoreError::Floats { x: 1.5, y: 2.5 },
        "deep" => StoreError::Depth(vec![vec![], vec!["a".to_owned(), "b".to_owned()]]),
        "large" => StoreError::Large(u64::MAX),
        "failed" => StoreError::Failed("f".to_owned()),
        "nothing" => StoreError::Nothing,
        "many" => StoreError::Many(1, "m".to_owned(), true),
        "named" => StoreError::Named {
            name: "n".to_owned(),
            size: 7,
        },
        "clone" => StoreError::PanicsWhenCloned(PanicsWhenCloned(true)),
        "query" => StoreError::Query {
            sql: "select".to_owned(),
            source: io_error(),
        },
        "skipped" => StoreError::Skipped(io_error()),
        "io" => StoreError::Io(io_error()),
        "any" => StoreError::Any(io_error().into()),
        "any store" => StoreError::Any(store_error("missing").into()),
        "boxed" => StoreError::Boxed(Box::new(io_error())),
        "shared" => StoreError::Shared(io_error().into()),
        "ours" => StoreError::Ours(store_error("missing").into()),
        "message" => StoreError::Any(anyhow::anyhow!("a text")),
        "number" => "x".parse::<i32>().map_err(StoreError::Number).unwrap_err(),
        other => panic!("{other}"),
    }
}

fn refused() -> Refused {
    Refused {
        reason: "full".to_owned(),
    }
}

/// Fails with a message.
#[func]
pub(crate) fn fail_with_string(text: String) -> Result<(), String> {
    Err(text)
}

/// Fails with a message after a wait.
#[func]
pub(crate) async fn fail_with_text() -> Result<(), &'static str> {
    tokio::task::yield_now().await;
    Err("a text")
}

/// Fails with an error in a box.
#[func]
pub(crate) async fn fail_in_box(kind: String, f: LwtFn<(), ()>) -> Result<(), Boxed> {
    tokio::task::yield_now().await;
    match kind.as_str() {
        "number" => "x".parse::<i32>().map(drop)?,
        "text" => return Err("a text".into()),
        "io" => return Err(io_error().into()),
        "store" => return Err(store_error("missing").into()),
        "closure" => f.call(()).await.map_err(Error::into_std)?,
        other => panic!("{other}"),
    }
    Ok(())
}

/// Fails with an error of the crate `anyhow`.
#[func]
pub(crate) async fn fail_with_anyhow(kind: String, f: LwtFn<(), ()>) -> anyhow::Result<()> {
    match kind.as_str() {
        "message" => anyhow::bail!("a text"),
        "io" => Err(io_error())?,
        "io below" => Err(io_error()).context("inner").context("outer")?,
        "store" => Err(store_error("conflict"))?,
        "store below" => Err(store_error("conflict")).context("outer")?,
        "text below" => Err(anyhow::anyhow!("inner").context("outer"))?,
        "closure" => f.call(()).await?,
        "closure below" => f
            .call(())
            .await
            .map_err(anyhow::Error::from)
            .context("outer")?,
        "time-out below" => {
            let never = std::future::pending::<()>();
            let limit = std::time::Duration::ZERO;
            tokio::time::timeout(limit, never).await.context("outer")?;
        }
        other => panic!("{other}"),
    }
    Ok(())
}

/// The same for the crate `eyre`.
#[func]
pub(crate) async fn fail_with_eyre(kind: String, f: LwtFn<(), ()>) -> eyre::Result<()> {
    use eyre::WrapErr;
    match kind.as_str() {
        "message" => eyre::bail!("a text"),
        "io" => Err(io_error())?,
        "io below" => Err(io_error()).wrap_err("inner").wrap_err("outer")?,
        "closure" => f.call(()).await?,
        other => panic!("{other}"),
    }
    Ok(())
}

/// The operator `?` makes an `Error` of all kinds of errors.
#[func]
pub(crate) async fn fail_in_turn(kind: String, f: LwtFn<(), ()>) -> Result<(), Error> {
    match kind.as_str() {
        "string" => Err(String::from("a text"))?,
        "text" => Err("a text")?,
        "unknown" => Err(Unknown(io_error().into()))?,
        "anyhow" => fail_with_anyhow("io".to_owned(), f).await?,
        "through anyhow" => fail_with_anyhow("closure".to_owned(), f).await?,
        "through a box" => fail_in_box("closure".to_owned(), f).await?,
        "through io" => f.call(()).await.map_err(io::Error::from)?,
        "within io" => Err(io::Error::other(store_error("missing")))?,
        "panic" => Err(tokio::spawn(async { panic!("on tokio") })
            .await
            .unwrap_err())?,
        other => panic!("{other}"),
    }
    Ok(())
}

/// Fails with an error that has an exception of its own, at once or after a wait.
#[func]
pub(crate) async fn fail_of_store(kind: String, waits: bool) -> Result<(), StoreError> {
    if waits {
        tokio::task::yield_now().await;
    }
    Err(match kind.as_str() {
        "std" => StoreError::Ocaml(Error::from(store_error("missing")).into_std()),
        kind => store_error(kind),
    })
}

/// Raises such an exception.
#[func]
pub(crate) fn raise_of_store(kind: String) -> Result<(), StoreError> {
    Err(store_error(&kind))
}

/// The error of a closure as one of a store.
#[func]
pub(crate) async fn fail_of_closure(f: LwtFn<(), ()>) -> Result<(), StoreError> {
    f.call(()).await.map_err(StoreError::Ours)
}

/// Refuses.
#[func]
pub(crate) async fn refuse() -> Result<(), Refused> {
    Err(refused())
}

/// An item, and then an error that has an exception of its own.
#[func]
pub(crate) fn item_and_error() -> LwtStream<i64> {
    LwtStream::fallible(futures_lite::stream::iter([
        Ok(1),
        Err(store_error("missing")),
    ]))
}

fn shown(error: &Error) -> String {
    let store = error.downcast_ref::<StoreError>();
    let store = store.map(|error| format!("{error:?}"));
    let refused = error.downcast_ref::<Refused>();
    let refused = refused.map(|error| format!("{error:?}"));
    let system = error.downcast_ref::<io::Error>();
    let system = system.map(|error| format!("{:?}", error.kind()));
    store
        .or(refused)
        .or(system)
        .unwrap_or_else(|| "another".to_owned())
}

/// Which Rust error the exception of a closure stands for.
#[func]
pub(crate) async fn error_of(f: LwtFn<(), ()>) -> String {
    f.call(())
        .await
        .map_or_else(|error| shown(&error), |()| "none".to_owned())
}

/// The same, looked at by a thread of tokio's.
#[func]
pub(crate) async fn error_on_tokio(f: LwtFn<(), ()>) -> Result<String, Error> {
    let error = f.call(()).await.err();
    let task = tokio::spawn(async move { error.map(|error| (shown(&error), error)) });
    match task.await? {
        Some((shown, _error)) => Ok(shown),
        None => Ok("none".to_owned()),
    }
}

/// Gives the exception of a closure back, after it has looked at it.
#[func]
pub(crate) async fn give_error_back(f: LwtFn<(), ()>) -> Result<String, Error> {
    let error = f.call(()).await.err().ok_or("no error")?;
    let _shown = shown(&error);
    Err(error)
}

/// Panics when it is dropped.
#[derive(Debug, OcamlException)]
pub(crate) struct DropPanics(i64);

impl fmt::Display for DropPanics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {}", self.0)
    }
}

impl StdError for DropPanics {}

impl Drop for DropPanics {
    fn drop(&mut self) {
        panic!("panic of a destructor");
    }
}

/// Panics when it is shown and when it is dropped.
#[derive(Debug)]
struct BothPanic;

impl fmt::Display for BothPanic {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("panic while it is shown");
    }
}

impl StdError for BothPanic {}

impl Drop for BothPanic {
    fn drop(&mut self) {
        panic!("panic of a destructor");
    }
}

/// Is its own source.
#[derive(Debug)]
struct Endless;

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("endless")
    }
}

impl StdError for Endless {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self)
    }
}

/// Fails with a strange error.
#[func]
pub(crate) async fn fail_strangely(kind: String, waits: bool) -> Result<(), Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    match kind.as_str() {
        "both" => Err(BothPanic)?,
        "drop" => Err(DropPanics(1))?,
        "endless" => Err(Endless)?,
        other => panic!("{other}"),
    }
    Ok(())
}

/// Gives the error of a closure back after a wait.
#[func]
pub(crate) async fn give_back_later(f: LwtFn<(), ()>) -> Result<(), Error> {
    let result = f.call(()).await;
    tokio::task::yield_now().await;
    result
}

/// Gives the exception of a function back at once.
#[func]
pub(crate) fn give_back_now(f: lwt_rust::Closure<(), ()>) -> Result<(), Error> {
    lwt_rust::with_lock(|lock| f.call(lock, ()))
}
