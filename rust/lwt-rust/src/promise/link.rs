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

impl<T: FromOcaml + Send> Link<T> {
    /// The side of it that OCaml settles.
    pub(super) fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        let sink: Arc<dyn Sink + '_> = self;
        // SAFETY: the value borrows nothing, though the compiler may not know it: see
        // `OcamlType`. So the sink lives as long as somebody keeps it.
        unsafe { std::mem::transmute::<Arc<dyn Sink + '_>, Arc<dyn Sink>>(sink) }
    }
}

impl<T: FromOcaml + Send> Sink for Link<T> {
    fn resolve(&self, value: Val<'_>) {
        // Given back if the reader is gone, here and below.
        // SAFETY: a link is that of a promise which was read as one of `T`.
        let value = unsafe { T::from_ocaml(value) };
        let _ = self.cell.settle(value);
    }

    fn reject(&self, exception: Exception) {
        let _ = self.cell.settle(Err(exception.into()));
    }

    fn abandon(&self) {
        let _ = self.cell.settle(Err(Error::Abandoned));
    }
}
