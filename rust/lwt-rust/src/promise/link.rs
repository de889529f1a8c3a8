//! What a promise shares with what settles it.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use lwt_rust_core::Cell;

use super::waits::{Wait, begin};
use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    ffi::{Root, Val},
};

/// What a promise and those who settle it share.
pub(super) struct Link<T> {
    pub(super) cell: Cell<Result<T, Error>>,
    source: Mutex<Source>,
    /// Whether the source's number settled the cell. Only saves the work of
    /// ending a wait that has ended, so it need not order anything.
    ended: AtomicBool,
}

/// The Lwt promise that settles a link.
enum Source {
    /// There is none, or it is not known yet.
    Unknown,
    Known(LwtSource),
    /// Known or not, it is left alone.
    Detached,
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
        Self::with(Source::Unknown)
    }

    fn with(source: Source) -> Arc<Self> {
        Arc::new(Link {
            cell: Cell::new(),
            source: Mutex::new(source),
            ended: AtomicBool::new(false),
        })
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        // Nothing that can panic runs under this lock.
        self.source
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Ends the wait, if there is one, and cancels what it waits for.
    pub(super) fn cancel_source(&self, cancel: impl FnOnce(Root)) {
        let mut source = self.source();
        match std::mem::replace(&mut *source, Source::Unknown) {
            Source::Known(LwtSource { promise, wait }) => {
                drop(source);
                drop(wait);
                cancel(promise);
            }
            other => *source = other,
        }
    }

    /// From now on nobody cancels the source.
    pub(super) fn detach(&self) {
        let before = std::mem::replace(&mut *self.source(), Source::Detached);
        drop(before);
    }
}

impl<T: FromOcaml + Send + 'static> Link<T> {
    /// A link that `source` settles from now on.
    pub(super) fn of(source: LwtSource) -> Arc<Self> {
        let ticket = source.wait.ticket();
        let link = Self::with(Source::Known(source));
        begin(ticket, link.clone());
        link
    }

    /// Makes `source` settle the link from now on.
    pub(super) fn wait_for(self: &Arc<Self>, source: LwtSource) {
        let mut place = self.source();
        match &*place {
            Source::Detached => {}
            Source::Unknown | Source::Known(_) => {
                begin(source.wait.ticket(), self.clone());
                *place = Source::Known(source);
            }
        }
    }
}

impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        if !*self.ended.get_mut() {
            return;
        }
        // By the mutable reference, so that it takes no lock.
        let source = self.source.get_mut();
        let source = source.unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Source::Known(known) = std::mem::replace(source, Source::Unknown) {
            known.wait.forget();
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
