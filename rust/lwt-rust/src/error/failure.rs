//! Rust errors.

use std::fmt;

use lwt_rust_core::catch_panic;

use super::{Panic, Trace};
use crate::{
    callbacks::{Callback, call_back},
    ocaml::{Lock, Raised, Root, Val},
};

/// A Rust error, with the name of its type, and the backtrace of the place where it became
/// an [`Error`](super::Error). The backtrace is captured if `RUST_BACKTRACE` asks for it.
// Boxed, as in `Panic`, because results are moved more often than they fail.
pub struct Failure(Box<FailureInner>);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.error, f)
    }
}

struct FailureInner {
    error: Box<dyn std::error::Error + Send + Sync>,
    /// `None` if the error is a message alone.
    type_name: Option<&'static str>,
    trace: Option<Trace>,
}

impl Failure {
    pub(super) fn new(
        error: Box<dyn std::error::Error + Send + Sync>,
        type_name: Option<&'static str>,
    ) -> Self {
        Failure(Box::new(FailureInner {
            error,
            type_name,
            trace: Trace::capture(),
        }))
    }

    /// The error.
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0.error
    }

    /// The name of its type, as the compiler prints it. `None` if the error is a message
    /// alone ([`Error::message`](super::Error::message)).
    pub fn type_name(&self) -> Option<&'static str> {
        self.0.type_name
    }

    /// The error as one of the standard library's, if it is one.
    pub(super) fn into_io(self) -> Result<std::io::Error, Self> {
        let FailureInner {
            error,
            type_name,
            trace,
        } = *self.0;
        match error.downcast::<std::io::Error>() {
            Ok(error) => Ok(*error),
            Err(error) => Err(Failure(Box::new(FailureInner {
                error,
                type_name,
                trace,
            }))),
        }
    }

    /// The system's error number, if this is an error of the system.
    fn errno(&self) -> Option<i32> {
        let error = self.0.error.downcast_ref::<std::io::Error>()?;
        error.raw_os_error()
    }

    /// The callback that makes Lwt's own exception for such an error, if Lwt has one.
    fn of_lwt(&self) -> Option<Callback> {
        let error = &self.0.error;
        if error.is::<tokio::time::error::Elapsed>() {
            return Some(Callback::MakeTimeout);
        }
        let joined = error.downcast_ref::<tokio::task::JoinError>()?;
        joined.is_cancelled().then_some(Callback::MakeCanceled)
    }

    /// Makes the OCaml exception: `Unix.Unix_error`, one of Lwt's exceptions, or
    /// `Lwt_rust.Error`.
    ///
    /// The error's type is the user's, so showing or dropping it may panic. Then the
    /// exception is `Lwt_rust.Panic`.
    pub(super) fn make(self, lock: &mut Lock) -> Option<Result<Val<'_>, Raised>> {
        if let Some(errno) = self.errno() {
            let error = Root::new(lock.unix_error(errno));
            return call_back(lock, Callback::MakeUnixError, &[&error]);
        }
        if let Some(make) = self.of_lwt() {
            return call_back(lock, make, &[&Root::UNIT]);
        }
        let type_name = self.0.type_name;
        let shown = catch_panic(move || {
            let FailureInner { error, trace, .. } = *self.0;
            let shown = (error.to_string(), sources(&*error));
            drop(error);
            (shown, trace)
        });
        let ((message, sources), trace) = match shown {
            Ok(shown) => shown,
            Err(payload) => return Panic::from_payload(payload).make(lock),
        };
        let message = lock.text(&message);
        let sources = sources.iter().rev().fold(Root::UNIT, |tail, source| {
            let head = lock.text(source);
            Root::new(lock.block(0, &[&head, &tail]))
        });
        let type_name = lock.text_option(type_name);
        let backtrace = Trace::option(lock, trace);
        let parts = Root::new(lock.block(0, &[&message, &sources, &type_name, &backtrace]));
        call_back(lock, Callback::MakeError, &[&parts])
    }
}

fn sources(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |error| error.source())
        .map(ToString::to_string)
        .collect()
}
