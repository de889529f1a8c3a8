//! Errors on their way between Rust and OCaml.

mod exception;
mod failure;
mod io;
mod panic;
mod trace;

use std::fmt;

use crate::{
    callbacks::{Callback, call_back},
    ocaml::{Lock, Raised, Root},
};

pub use exception::Exception;
pub use failure::Failure;
pub use panic::Panic;
pub(crate) use panic::{are_reported, has_reports, take_reports};
pub(crate) use trace::Trace;

/// Why a promise was rejected.
///
/// The operator `?` makes an `Error` of any error type. `Error` does not implement
/// [`std::error::Error`], so that the two can be told apart.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An OCaml exception. If it goes back to OCaml, it is physically the same exception
    /// there.
    Exception(Exception),
    /// A Rust error. In OCaml it is `Lwt_rust.Error`, except for three kinds of errors. A
    /// [`std::io::Error`] that came from the system is `Unix.Unix_error`. tokio's
    /// [`Elapsed`](tokio::time::error::Elapsed) is `Lwt_unix.Timeout`. The
    /// [`JoinError`](tokio::task::JoinError) of a task that was aborted is `Lwt.Canceled`.
    Failure(Failure),
    /// A panic: `Lwt_rust.Panic` in OCaml.
    Panic(Panic),
    /// Nothing is left that could settle the promise: `Lwt_rust.Abandoned` in OCaml. For
    /// example, its resolver was dropped.
    Abandoned,
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        let type_name = std::any::type_name::<E>();
        match io::carried_in(error.into()) {
            Ok(error) => error,
            Err(error) => Error::Failure(Failure::new(error, Some(type_name))),
        }
    }
}

impl From<Exception> for Error {
    fn from(exception: Exception) -> Self {
        Error::Exception(exception)
    }
}

impl From<Panic> for Error {
    fn from(panic: Panic) -> Self {
        Error::Panic(panic)
    }
}

impl Error {
    /// An error that is only a message.
    pub fn message(message: impl Into<String>) -> Self {
        Error::Failure(Failure::new(message.into().into(), None))
    }

    /// The OCaml exception for this error, and its raw backtrace if it has one: the two
    /// fields of `failure` in `lib/raw.ml`. `None` if OCaml has not registered the callback
    /// that makes the exception.
    pub(crate) fn into_parts(self, lock: &mut Lock) -> Option<[Root; 2]> {
        let made = match self {
            Error::Exception(exception) => return Some(exception.parts(lock)),
            Error::Failure(failure) => failure.make(lock),
            Error::Panic(panic) => panic.make(lock),
            Error::Abandoned => call_back(lock, Callback::MakeAbandoned, &[&Root::UNIT]),
        };
        match made? {
            Ok(value) => Some([Root::new(value), Root::UNIT]),
            // OCaml has no memory for the exception, or the handler of a signal has raised.
            Err(Raised(exception)) => Some([exception, Root::UNIT]),
        }
    }

    /// The result of [`into_parts`](Error::into_parts) as one value.
    pub(crate) fn into_failure(self, lock: &mut Lock) -> Option<Root> {
        let parts = self.into_parts(lock)?;
        Some(Root::new(lock.block(0, &parts.each_ref())))
    }
}

/// Calls one of OCaml's functions.
pub(crate) fn ask_ocaml(
    lock: &mut Lock,
    function: Callback,
    arguments: &[&Root],
) -> Result<Root, Error> {
    match call_back(lock, function, arguments) {
        Some(Ok(value)) => Ok(Root::new(value)),
        Some(Err(raised)) => Err(Exception::raised(lock, raised).into()),
        None => Err(uninitialised()),
    }
}

#[cold]
pub(crate) fn uninitialised() -> Error {
    Error::message("the module Lwt_rust was not initialised yet")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Exception(exception) => f.write_str(exception.message()),
            Error::Failure(failure) => write!(f, "{}", failure.error()),
            Error::Panic(panic) => match panic.location() {
                Some(location) => write!(f, "panic at {location}: {}", panic.message()),
                None => write!(f, "panic: {}", panic.message()),
            },
            Error::Abandoned => f.write_str("nothing is left that could settle the promise"),
        }
    }
}
