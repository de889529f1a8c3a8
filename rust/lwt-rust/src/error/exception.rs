//! OCaml exceptions, in the hands of Rust.

use std::{error::Error as StdError, fmt, io, sync::Arc};

use lwt_rust_core::{catch_panic, drop_quietly};

use super::{
    Error,
    own::{Shared, error_of},
};
use crate::{
    callbacks::{Callback, call_back},
    ocaml::{Lock, Raised, Root, Val},
};

/// An OCaml exception, kept alive, with its backtrace if there is one. There is one if a
/// closure raised the exception. Lwt keeps none in a rejected promise.
///
/// A clone is the same exception. Any thread may use and drop it.
#[derive(Clone)]
pub struct Exception(Arc<ExceptionInner>);

struct ExceptionInner {
    exception: Root,
    /// `Printexc.raw_backtrace option`
    backtrace: Root,
    /// `None` if OCaml could not describe the exception.
    name: Option<String>,
    message: String,
    registered: Option<String>,
    errno: Option<i32>,
    /// The Rust error that it stands for.
    error: Option<Shared>,
}

impl Drop for ExceptionInner {
    fn drop(&mut self) {
        // The error's type is the user's, so this may panic. The exception may be dropped
        // anywhere.
        let error = self.error.take();
        if let Err(payload) = catch_panic(move || drop(error)) {
            drop_quietly(payload);
        }
    }
}

impl Exception {
    /// Reads a value of the type `shown` of `lib/raw.ml`. OCaml has made the texts in it,
    /// so any thread can show the exception.
    ///
    /// # Errors
    ///
    /// If the value is visibly no such value.
    pub(crate) fn read(shown: Val<'_>) -> Result<Self, Error> {
        let text = |value: Val<'_>| {
            let bytes = value.to_bytes()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let inner = || {
            let exception = shown.field(0)?;
            let errno = shown.field(5)?.field(0).map(Val::errno);
            let of_system = |errno| Arc::new(io::Error::from_raw_os_error(errno)) as Shared;
            Some(ExceptionInner {
                error: error_of(exception).or_else(|| errno.map(of_system)),
                exception: Root::new(exception),
                name: Some(text(shown.field(1)?)?),
                message: text(shown.field(2)?)?,
                registered: shown.field(3)?.field(0).and_then(text),
                backtrace: Root::new(shown.field(4)?),
                errno,
            })
        };
        match inner() {
            Some(inner) => Ok(Exception(Arc::new(inner))),
            None => Err(Error::message("OCaml has not described an exception")),
        }
    }

    /// Describes an exception that was raised just now, with nothing raised since. This
    /// does not stop an exception that Lwt's exception filter lets through: OCaml raises it
    /// again when the stub has returned.
    #[cold]
    pub(crate) fn raised(lock: &mut Lock, Raised(exception): Raised) -> Self {
        let shown = match call_back(lock, Callback::ShowException, &[&exception]) {
            Some(Ok(shown)) => Self::read(shown).ok(),
            Some(Err(_)) | None => None,
        };
        // OCaml had no memory to show the exception, or has not registered its callbacks
        // yet.
        shown.unwrap_or_else(|| {
            Exception(Arc::new(ExceptionInner {
                exception,
                backtrace: Root::UNIT,
                name: None,
                message: String::new(),
                registered: None,
                errno: None,
                error: None,
            }))
        })
    }

    /// The name with which the exception was declared, such as `Not_found` or
    /// `Stdlib.Exit`. It is the result of `Printexc.exn_slot_name`. `None` if OCaml had no
    /// memory to describe the exception.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The result of `Printexc.to_string`. If the exception stands for a Rust error, the
    /// backtrace is left out.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether OCaml has registered this exception under the name `registered`, with
    /// `Lwt_rust.register_exception`. The arguments of the exception do not matter.
    pub fn is(&self, registered: &str) -> bool {
        self.0.registered.as_deref() == Some(registered)
    }

    /// The system's error number, if this is `Unix.Unix_error`.
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// The error that this exception stands for, if it is one of the type `E`
    /// ([`OcamlException`](crate::OcamlException)).
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.error.as_deref()?.downcast_ref()
    }

    /// Whether the exception has a backtrace.
    pub fn has_backtrace(&self) -> bool {
        !self.0.backtrace.is_unit()
    }

    pub(super) fn parts(&self, lock: &Lock) -> [Root; 2] {
        [&self.0.exception, &self.0.backtrace].map(|root| Root::new(root.get(lock)))
    }
}

impl fmt::Debug for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exception").field(&self.message()).finish()
    }
}
