//! What can go wrong, on its way between Rust and OCaml.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    sync::{Arc, Once},
};

use lwt_rust_core::{Payload, drop_quietly};

use crate::{
    callbacks::{Callback, call_back},
    convert::FromOcaml,
    ffi::{Lock, Root},
};

/// Why a promise was rejected.
///
/// Any error type becomes an `Error` with `?`. An `Error` is none itself, so
/// that it can be told from one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An OCaml exception. Back in OCaml it is physically the same.
    Exception(Exception),
    /// A Rust error: `Lwt_rust.Error` in OCaml, or `Unix.Unix_error` for a
    /// [`std::io::Error`] that came from the system.
    Failure(Failure),
    /// A panic: `Lwt_rust.Panic` in OCaml.
    Panic(Panic),
    /// What should have settled the promise is gone without having done so:
    /// `Lwt_rust.Abandoned` in OCaml.
    Abandoned,
}

/// An OCaml exception, kept alive.
#[derive(Clone)]
pub struct Exception(Arc<ExceptionInner>);

struct ExceptionInner {
    exception: Root,
    name: String,
    message: String,
}

/// A Rust error, with its type and the backtrace of where it entered an
/// [`Error`] (captured if `RUST_BACKTRACE` asks for it).
#[derive(Debug)]
// A box, and so in `Panic`, because results are moved more often than they fail.
pub struct Failure(Box<FailureInner>);

#[derive(Debug)]
struct FailureInner {
    error: Box<dyn std::error::Error + Send + Sync>,
    type_name: &'static str,
    backtrace: Backtrace,
}

/// A caught panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic(Box<PanicInner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct PanicInner {
    message: String,
    location: String,
    backtrace: Option<String>,
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Error::Failure(Failure::new(error.into(), std::any::type_name::<E>()))
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
        Error::Failure(Failure::new(message.into().into(), "message"))
    }

    /// The OCaml exception that tells this error; `None` if the OCaml side has
    /// not registered what is needed to make it.
    pub(crate) fn into_exception(self, lock: &mut Lock) -> Option<Root> {
        let made = match self {
            Error::Exception(exception) => return Some(exception.root(lock)),
            Error::Failure(failure) if failure.errno().is_some() => {
                let errno = failure.errno().unwrap_or_default();
                let error = Root::new(lock.unix_error(errno));
                call_back(lock, Callback::MakeUnixError, &[&error])
            }
            Error::Failure(Failure(failure)) => {
                let message = text(lock, &failure.error.to_string());
                let sources =
                    sources(&*failure.error)
                        .iter()
                        .rev()
                        .fold(Root::UNIT, |tail, source| {
                            let head = text(lock, source);
                            Root::new(lock.block(0, &[&head, &tail]))
                        });
                let type_name = text(lock, failure.type_name);
                let backtrace = option(lock, show_backtrace(&failure.backtrace));
                let parts = Root::new(lock.block(0, &[&message, &sources, &type_name, &backtrace]));
                call_back(lock, Callback::MakeError, &[&parts])
            }
            Error::Panic(Panic(panic)) => {
                let message = text(lock, &panic.message);
                let location = text(lock, &panic.location);
                let backtrace = option(lock, panic.backtrace);
                let parts = Root::new(lock.block(0, &[&message, &location, &backtrace]));
                call_back(lock, Callback::MakePanic, &[&parts])
            }
            Error::Abandoned => call_back(lock, Callback::MakeAbandoned, &[&Root::UNIT]),
        };
        match made? {
            Ok(value) => Some(Root::new(value)),
            Err(exception) => Some(exception.root(lock)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Exception(exception) => f.write_str(exception.message()),
            Error::Failure(failure) => write!(f, "{}", failure.error()),
            Error::Panic(Panic(panic)) => {
                write!(f, "panic at {}: {}", panic.location, panic.message)
            }
            Error::Abandoned => f.write_str("nothing is left that could settle the promise"),
        }
    }
}

impl Exception {
    /// Keeps an exception alive. Its name and message are made now, so that they
    /// can be shown on any thread.
    pub(crate) fn new(lock: &mut Lock, exception: Root) -> Self {
        let shown = match call_back(lock, Callback::ShowException, &[&exception]) {
            Some(Ok(shown)) => <(Vec<u8>, Vec<u8>)>::from_ocaml(shown).ok(),
            Some(Err(_)) | None => None,
        };
        let (name, message) = shown.unwrap_or_default();
        Exception(Arc::new(ExceptionInner {
            exception,
            name: String::from_utf8_lossy(&name).into_owned(),
            message: String::from_utf8_lossy(&message).into_owned(),
        }))
    }

    /// The name it was declared with, such as `Not_found` or `Stdlib.Exit`: what
    /// `Printexc.exn_slot_name` says of it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What `Printexc.to_string` says of it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    fn root(&self, lock: &Lock) -> Root {
        Root::new(self.0.exception.get(lock))
    }
}

impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exception").field(&self.message()).finish()
    }
}

impl Failure {
    fn new(error: Box<dyn std::error::Error + Send + Sync>, type_name: &'static str) -> Self {
        Failure(Box::new(FailureInner {
            error,
            type_name,
            backtrace: Backtrace::capture(),
        }))
    }

    /// The error.
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0.error
    }

    /// The name of its type, as the compiler prints it.
    pub fn type_name(&self) -> &'static str {
        self.0.type_name
    }

    /// The number of the system's error, if the error is one.
    fn errno(&self) -> Option<i32> {
        let error = self.0.error.downcast_ref::<std::io::Error>()?;
        error.raw_os_error()
    }
}

fn sources(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |error| error.source())
        .map(ToString::to_string)
        .collect()
}

fn text(lock: &mut Lock, text: &str) -> Root {
    Root::new(lock.string(text.as_bytes()))
}

fn option(lock: &mut Lock, option: Option<String>) -> Root {
    match option {
        None => Root::UNIT,
        Some(string) => {
            let string = text(lock, &string);
            Root::new(lock.block(0, &[&string]))
        }
    }
}

fn show_backtrace(backtrace: &Backtrace) -> Option<String> {
    (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string())
}

thread_local! {
    /// Where the last panic of this thread happened: its payload does not say.
    static LAST_PANIC: std::cell::RefCell<Option<(String, Option<String>)>> =
        const { std::cell::RefCell::new(None) };
}

impl Panic {
    /// Makes the hook that Rust calls at a panic note where it happened, and
    /// then go on with the hook that was there. It never enters OCaml.
    pub(crate) fn install_hook() {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let location = info.location().map(ToString::to_string);
                let backtrace = show_backtrace(&Backtrace::capture());
                // Fails only while the thread ends, when nobody will ask.
                let _ = LAST_PANIC.try_with(|last| {
                    if let Ok(mut last) = last.try_borrow_mut() {
                        *last = Some((location.unwrap_or_default(), backtrace));
                    }
                });
                previous(info);
            }));
        });
    }

    /// The panic that `payload` was caught from, on this thread, just now.
    pub(crate) fn from_payload(payload: Payload) -> Self {
        let (location, backtrace) = LAST_PANIC
            .try_with(|last| last.borrow_mut().take())
            .ok()
            .flatten()
            .unwrap_or_default();
        let message = message_of(&*payload);
        drop_quietly(payload);
        Panic(Box::new(PanicInner {
            message,
            location,
            backtrace,
        }))
    }

    /// What the panic was raised with, if that was a string.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// `file:line:column`, or nothing if it is not known.
    pub fn location(&self) -> &str {
        &self.0.location
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(message) => message.clone(),
            None => "a panic whose payload is not a string".to_owned(),
        },
    }
}
