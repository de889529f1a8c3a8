//! What a promise shares with what settles it.

use std::sync::{Arc, Mutex, MutexGuard};

use lwt_rust_core::Cell;

use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    ffi::{Root, Val},
};

/// What a promise and those who settle it share.
pub(super) struct Link<T> {
    pub(super) cell: Cell<Result<T, Error>>,
    /// The Lwt promise that settles the cell, as long as it can be cancelled.
    source: Mutex<Option<Root>>,
}

/// The side of a promise that OCaml settles, whatever its type.
pub(crate) trait Sink: Send + Sync {
    /// Settles with an OCaml value. Returns `false` if it was settled before.
    fn resolve(&self, value: Val<'_>) -> bool;
    /// Settles with an OCaml exception. Returns `false` if it was settled before.
    fn reject(&self, exception: Exception) -> bool;
    /// Nobody will settle it any more. Any thread may call it.
    fn abandon(&self);
    /// Sends what settles it on to `sink`. `value` is the OCaml value that
    /// holds `self`.
    ///
    /// # Errors
    ///
    /// If it was asked for before.
    fn attach(&self, value: Val<'_>, sink: Arc<dyn Sink>) -> Result<(), Error>;
}

impl<T> Link<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            cell: Cell::new(),
            source: Mutex::new(None),
        })
    }

    pub(super) fn source(&self) -> MutexGuard<'_, Option<Root>> {
        // Nothing that can panic runs under this lock.
        self.source
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn take_source(&self) -> Option<Root> {
        self.source().take()
    }
}

impl<T: FromOcaml + Send> Sink for Link<T> {
    fn resolve(&self, value: Val<'_>) -> bool {
        self.cell.settle(T::from_ocaml(value)).is_ok()
    }

    fn reject(&self, exception: Exception) -> bool {
        self.cell.settle(Err(exception.into())).is_ok()
    }

    fn abandon(&self) {
        // Given back if it was settled: then there is nothing to abandon.
        let _ = self.cell.settle(Err(Error::Abandoned));
    }

    fn attach(&self, _: Val<'_>, _: Arc<dyn Sink>) -> Result<(), Error> {
        Err(Error::message(
            "a promise that Rust made cannot be given to Rust",
        ))
    }
}
