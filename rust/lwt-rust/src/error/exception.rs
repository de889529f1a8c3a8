//! OCaml exceptions, in the hands of Rust.

use std::{fmt, sync::Arc};

use crate::{
    callbacks::{Callback, call_back},
    convert::FromOcaml,
    error::Error,
    ffi::{Lock, Root, Val},
};

/// An OCaml exception, kept alive, and its backtrace where there is one: Lwt
/// keeps none in a rejected promise, so there is one if a closure raised it.
///
/// Clones are of the same exception. Any thread may use and drop it.
#[derive(Clone)]
pub struct Exception(Arc<ExceptionInner>);

struct ExceptionInner {
    exception: Root,
    /// `Printexc.raw_backtrace option`
    backtrace: Root,
    name: String,
    message: String,
    registered: Option<String>,
}

impl Exception {
    /// Reads a value of the type `shown` of `lib/raw.ml`. OCaml has made what is shown,
    /// so that it can be read on any thread.
    pub(crate) fn read(shown: Val<'_>) -> Result<Self, Error> {
        let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (exception, name, message, registered, backtrace) =
            // SAFETY: `raw.ml` declares it as such a tuple.
            unsafe { <(Root, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Root)>::from_ocaml(shown) }?;
        Ok(Exception(Arc::new(ExceptionInner {
            exception,
            backtrace,
            name: lossy(name),
            message: lossy(message),
            registered: registered.map(lossy),
        })))
    }

    /// An exception that was raised just now, with nothing raised since. One that
    /// Lwt's exception filter lets through is not caught by this: OCaml raises it
    /// again when it has the thread back.
    pub(crate) fn raised(lock: &mut Lock, exception: Root) -> Self {
        let shown = match call_back(lock, Callback::ShowException, &[&exception]) {
            Some(Ok(shown)) => Self::read(shown).ok(),
            Some(Err(_)) | None => None,
        };
        // OCaml had no memory to show it, or is not ready to.
        shown.unwrap_or_else(|| {
            Exception(Arc::new(ExceptionInner {
                exception,
                backtrace: Root::UNIT,
                name: String::new(),
                message: String::new(),
                registered: None,
            }))
        })
    }

    /// The name it was declared with, such as `Not_found` or `Stdlib.Exit`: what
    /// `Printexc.exn_slot_name` says of it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What `Printexc.to_string` says of it. If it tells a Rust error, that is without the
    /// backtrace.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether it is the exception that OCaml has registered under this name, with
    /// `Lwt_rust.register_exception`, whatever its arguments are.
    pub fn is(&self, registered: &str) -> bool {
        self.0.registered.as_deref() == Some(registered)
    }

    /// Whether it came with a backtrace.
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
