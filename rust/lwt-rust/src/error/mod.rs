//! Errors on their way between Rust and OCaml.

mod boxed;
mod exception;
mod failure;
mod own;
mod panic;
mod std_error;
mod trace;

use std::fmt;

use crate::{
    callbacks::{Callback, call_back},
    ocaml::{Lock, Raised, Root},
};

pub use exception::Exception;
pub use failure::Failure;
pub use own::Parts;
pub(crate) use own::{Exceptions, add_exceptions, found, message_of};
pub use panic::Panic;
pub(crate) use panic::{MOST_REPORTS, PANICS};
pub use std_error::StdError;
pub(crate) use trace::Trace;

/// Why a promise was rejected.
///
/// The operator `?` makes an `Error` of any type of errors: of one that implements
/// [`std::error::Error`], of a `Box<dyn Error + Send + Sync>`, of a `String` or a
/// `&'static str`, and of the errors of the crates `anyhow` and `eyre`.
///
/// `Error` does not implement [`std::error::Error`], so that the two can be told apart. For
/// code that needs such an error there is [`into_std`](Error::into_std). With the features
/// `anyhow` and `eyre` of this crate, `?` makes the errors of those crates of an `Error`.
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

impl<E> From<E> for Error
where
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    fn from(error: E) -> Self {
        let (error, type_name) = boxed::boxed(error);
        match std_error::carried_in(error) {
            Ok(error) => error,
            Err(error) => Error::Failure(Failure::new(error, type_name)),
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
        message.into().into()
    }

    /// The error as one of the type `E`: a Rust error, or an OCaml exception that stands for
    /// an `E`. That is an exception of an error type ([`OcamlException`](crate::OcamlException)),
    /// or `Unix.Unix_error`, which stands for a [`std::io::Error`]. Errors below a context are
    /// not looked at.
    ///
    /// ```no_run
    /// use lwt_rust::{Error, LwtFn};
    ///
    /// #[derive(Debug, lwt_rust::OcamlException)]
    /// struct NotFound(String);
    ///
    /// impl std::fmt::Display for NotFound {
    ///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    ///         write!(f, "{} is not there", self.0)
    ///     }
    /// }
    ///
    /// impl std::error::Error for NotFound {}
    ///
    /// /// `val find_or_default : (string -> string Lwt.t) -> string -> string Lwt.t`
    /// #[lwt_rust::func]
    /// async fn find_or_default(
    ///     find: LwtFn<String, String>,
    ///     key: String,
    /// ) -> Result<String, Error> {
    ///     match find.call(key).await {
    ///         Err(error) if error.downcast_ref::<NotFound>().is_some() => Ok(String::new()),
    ///         found => found,
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Error::Exception(exception) => exception.downcast_ref(),
            Error::Failure(failure) => failure.error().downcast_ref(),
            Error::Panic(_) | Error::Abandoned => None,
        }
    }

    /// The OCaml exception for this error, and its raw backtrace if it has one: the two
    /// fields of `failure` in `lib/raw.ml`. `None` if OCaml has not registered the callback
    /// that makes the exception.
    pub(crate) fn into_parts(self, lock: &mut Lock) -> Option<[Root; 2]> {
        let made = match self {
            Error::Exception(exception) => return Some(exception.parts(lock)),
            Error::Failure(failure) => {
                return Some(match failure.make(lock)? {
                    Ok(parts) => parts,
                    Err(Raised(exception)) => [exception, Root::UNIT],
                });
            }
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
