//! The state that a promise shares with the code that settles it.

use std::sync::Arc;

use lwt_rust_core::{Cell, CountedPromise, Source, Ticket};

use crate::{
    convert::{FromOcaml, error_in},
    domain::Sink,
    error::{Error, Exception},
    ocaml::Val,
};

/// The state that a promise shares with its resolver, or with the wait that settles it.
pub(super) struct Link<T> {
    pub(super) cell: Cell<Result<T, Error>>,
    /// The wait for the Lwt promise that settles it, if there is one.
    pub(super) source: Source<Ticket>,
    _counted: CountedPromise,
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
    /// The side that OCaml settles.
    pub(super) fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        let sink: Arc<dyn Sink + '_> = self;
        // SAFETY: the value borrows nothing, though the compiler may not know it (see
        // `OcamlType`). So the sink is valid as long as a reference to it exists.
        unsafe { std::mem::transmute::<Arc<dyn Sink + '_>, Arc<dyn Sink>>(sink) }
    }
}

/// The error for a promise whose value has been refused by its conversion.
#[cold]
pub(super) fn does_not_fit(error: Error) -> Error {
    error_in("the value of a promise", error)
}

impl<T: FromOcaml + Send> Sink for Link<T> {
    fn resolve(&self, value: Val<'_>) {
        // Here and below, `settle` returns the result if the reader is gone: then it is
        // dropped.
        // SAFETY: the OCaml value belongs to a promise that was read as one of `T`.
        let value = unsafe { T::from_ocaml(value) };
        let _ = self.cell.settle(value.map_err(does_not_fit));
    }

    fn reject(&self, exception: Exception) {
        let _ = self.cell.settle(Err(exception.into()));
    }

    fn abandon(&self) {
        let _ = self.cell.settle(Err(Error::Abandoned));
    }
}
