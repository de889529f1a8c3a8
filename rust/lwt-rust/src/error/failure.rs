//! Rust errors.

use std::fmt;

use lwt_rust_core::{catch_panic, drop_quietly};

use super::{Panic, Trace, boxed::Held, own::exception_of};
use crate::{
    callbacks::{Callback, call_back},
    ocaml::{Lock, Raised, Root},
};

/// A Rust error, with the name of its type, and the backtrace of the place where it became
/// an [`Error`](super::Error). The backtrace is captured if `RUST_BACKTRACE` asks for it.
// Boxed, as in `Panic`, because results are moved more often than they fail.
pub struct Failure(Box<FailureInner>);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.error(), f)
    }
}

struct FailureInner {
    error: Held,
    /// `None` if the error is a message alone, or comes in a box.
    type_name: Option<&'static str>,
    trace: Option<Trace>,
}

impl Failure {
    pub(super) fn new(error: Held, type_name: Option<&'static str>) -> Self {
        Failure(Box::new(FailureInner {
            error,
            type_name,
            trace: Trace::capture(),
        }))
    }

    /// The error.
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.0.error.get()
    }

    /// The name of its type, as the compiler prints it. `None` if the error is a message
    /// alone, such as a `String`, or came in a box, such as an `anyhow::Error`.
    pub fn type_name(&self) -> Option<&'static str> {
        self.0.type_name
    }

    /// The error as one of the type `T`, if it is one.
    pub(super) fn downcast<T>(self) -> Result<T, Self>
    where
        T: std::error::Error + Send + Sync + 'static,
    {
        let FailureInner {
            error,
            type_name,
            trace,
        } = *self.0;
        error.downcast().map_err(|error| {
            Failure(Box::new(FailureInner {
                error,
                type_name,
                trace,
            }))
        })
    }

    /// Makes the OCaml exception, with its backtrace: the error's own ([`exception_of`]), or
    /// `Lwt_rust.Error`.
    ///
    /// The error's type is the user's, so showing or dropping it may panic. Then the
    /// exception is `Lwt_rust.Panic`.
    pub(super) fn make(self, lock: &mut Lock) -> Option<Result<[Root; 2], Raised>> {
        let FailureInner {
            error,
            type_name,
            trace,
        } = *self.0;
        let shown = catch_panic(|| match exception_of(error.get(), lock) {
            Some(own) => Err(own),
            None => Ok(Shown::of(error.get(), lock)),
        });
        // If it were dropped while that panic unwinds, a second panic would end the process.
        let dropped = catch_panic(move || drop(error));
        let shown = match (shown, dropped) {
            (Ok(shown), Ok(())) => Ok(shown),
            (Ok(_), Err(payload)) | (Err(payload), Ok(())) => Err(payload),
            (Err(payload), Err(second)) => {
                drop_quietly(second);
                Err(payload)
            }
        };
        let shown = match shown {
            Ok(Ok(shown)) => shown,
            Ok(Err(own)) => return Some(Ok(own)),
            Err(payload) => {
                let made = Panic::from_payload(payload).make(lock)?;
                return Some(made.map(|exception| [Root::new(exception), Root::UNIT]));
            }
        };
        let message = lock.text(&shown.message);
        let sources = shown.sources.iter().rev().fold(Root::UNIT, |tail, source| {
            let head = lock.text(source);
            Root::new(lock.block(0, &[&head, &tail]))
        });
        let type_name = lock.text_option(type_name);
        let backtrace = Trace::option(lock, trace);
        let cause = match shown.cause {
            Some(cause) => Root::new(lock.block(0, &[&cause])),
            None => Root::UNIT,
        };
        let parts = [&message, &sources, &type_name, &backtrace, &cause];
        let parts = Root::new(lock.block(0, &parts));
        let made = call_back(lock, Callback::MakeError, &[&parts])?;
        Some(made.map(|exception| [Root::new(exception), Root::UNIT]))
    }
}

/// The most sources of an error that OCaml gets. An error may be its own source.
const MOST_SOURCES: usize = 1000;

/// What OCaml gets to see of an error that has no exception of its own.
struct Shown {
    message: String,
    sources: Vec<String>,
    /// The exception that the first of its sources has that has one.
    cause: Option<Root>,
}

impl Shown {
    fn of(error: &(dyn std::error::Error + 'static), lock: &mut Lock) -> Self {
        let sources = || {
            let all = std::iter::successors(error.source(), |error| error.source());
            all.take(MOST_SOURCES)
        };
        Shown {
            message: error.to_string(),
            sources: sources().map(ToString::to_string).collect(),
            cause: sources().find_map(|source| exception_of(source, lock).map(|[exn, _]| exn)),
        }
    }
}
