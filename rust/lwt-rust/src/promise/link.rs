//! What a promise shares with what settles it.

use std::sync::Arc;

use lwt_rust_core::{Cell, CountedPromise, Source, Ticket};

use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    ffi::Val,
};

/// What a promise and those who settle it share.
pub(super) struct Link<T> {
    pub(super) cell: Cell<Result<T, Error>>,
    /// The wait for the Lwt promise that settles it, if there is one.
    pub(super) source: Source<Ticket>,
    _counted: CountedPromise,
}

/// The side of a promise that OCaml settles, whatever its type.
pub(crate) trait Sink: Send + Sync {
    /// Settles with an OCaml value, unless the reader is gone.
    fn resolve(&self, value: Val<'_>);
    /// Settles with an OCaml exception, unless the reader is gone.
    fn reject(&self, exception: Exception);
    /// Nobody will settle it any more. Any thread may call it.
    fn abandon(&self);
}

impl<T> Link<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            cell: Cell::new(),
            source: Source::unknown(),
            _counted: CountedPromise::new(),
        })
    }
}

impl<T: FromOcaml + Send> Sink for Link<T> {
    fn resolve(&self, value: Val<'_>) {
        // Given back if the reader is gone, here and below.
        let _ = self.cell.settle(T::from_ocaml(value));
    }

    fn reject(&self, exception: Exception) {
        let _ = self.cell.settle(Err(exception.into()));
    }

    fn abandon(&self) {
        let _ = self.cell.settle(Err(Error::Abandoned));
    }
}
