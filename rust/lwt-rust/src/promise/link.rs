//! What a promise shares with what settles it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use lwt_rust_core::{Cell, Counted, Kind, Source};

use super::waits::{Wait, begin};
use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    ffi::{Root, Val},
};

/// What a promise and those who settle it share.
pub(super) struct Link<T> {
    pub(super) cell: Cell<Result<T, Error>>,
    /// The Lwt promise that settles it, if there is one.
    source: Source<LwtSource>,
    /// Whether the source's number settled the cell. Only saves the work of
    /// ending a wait that has ended, so it need not order anything.
    ended: AtomicBool,
    _counted: Counted,
}

pub(super) struct LwtSource {
    pub(super) promise: Root,
    pub(super) wait: Wait,
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
        Self::with(Source::unknown())
    }

    fn with(source: Source<LwtSource>) -> Arc<Self> {
        Arc::new(Link {
            cell: Cell::new(),
            source,
            ended: AtomicBool::new(false),
            _counted: Counted::new(Kind::Promise),
        })
    }

    /// Ends the wait, if there is one, and cancels what it waits for.
    pub(super) fn cancel_source(&self, cancel: impl FnOnce(Root)) {
        if let Some(LwtSource { promise, wait }) = self.source.take() {
            drop(wait);
            cancel(promise);
        }
    }

    /// From now on nobody cancels the source.
    pub(super) fn detach(&self) {
        drop(self.source.detach());
    }
}

impl<T: FromOcaml + Send + 'static> Link<T> {
    /// A link that `source` settles from now on.
    pub(super) fn of(source: LwtSource) -> Arc<Self> {
        let ticket = source.wait.ticket();
        let link = Self::with(Source::known(source));
        begin(ticket, link.clone());
        link
    }

    /// Makes `source` settle the link from now on.
    pub(super) fn wait_for(self: &Arc<Self>, source: LwtSource) {
        let detached = self.source.put(source, |source| {
            begin(source.wait.ticket(), self.clone());
        });
        drop(detached);
    }
}

impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        if !*self.ended.get_mut() {
            return;
        }
        if let Some(source) = self.source.take_mut() {
            source.wait.forget();
        }
    }
}

impl<T: FromOcaml + Send> Sink for Link<T> {
    fn resolve(&self, value: Val<'_>) {
        self.ended.store(true, Ordering::Relaxed);
        // Given back if the reader is gone, here and below.
        let _ = self.cell.settle(T::from_ocaml(value));
    }

    fn reject(&self, exception: Exception) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.cell.settle(Err(exception.into()));
    }

    fn abandon(&self) {
        let _ = self.cell.settle(Err(Error::Abandoned));
    }
}
