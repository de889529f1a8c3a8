//! What a promise shares with what settles it.

use std::sync::{Arc, Mutex, MutexGuard};

use lwt_rust_core::Cell;

use super::waits::Wait;
use crate::{
    convert::FromOcaml,
    error::{Error, Exception},
    ffi::{Root, Val},
};

/// What a promise and those who settle it share.
pub(super) struct Link<T> {
    pub(super) cell: Cell<Result<T, Error>>,
    source: Mutex<Source>,
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
    /// Settles with an OCaml value. Returns `false` if it was settled before.
    fn resolve(&self, value: Val<'_>) -> bool;
    /// Settles with an OCaml exception. Returns `false` if it was settled before.
    fn reject(&self, exception: Exception) -> bool;
    /// Nobody will settle it any more. Any thread may call it.
    fn abandon(&self);
}

impl<T> Link<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Link {
            cell: Cell::new(),
            source: Mutex::new(Source::Unknown),
        })
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        // Nothing that can panic runs under this lock.
        self.source
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes the source, to cancel it.
    pub(super) fn take_source(&self) -> Option<LwtSource> {
        let mut source = self.source();
        match std::mem::replace(&mut *source, Source::Unknown) {
            Source::Known(known) => Some(known),
            other => {
                *source = other;
                None
            }
        }
    }

    /// From now on nobody cancels the source.
    pub(super) fn detach(&self) {
        let before = std::mem::replace(&mut *self.source(), Source::Detached);
        drop(before);
    }
}

impl<T: FromOcaml + Send + 'static> Link<T> {
    /// Makes `source` settle the link from now on.
    pub(super) fn wait_for(self: &Arc<Self>, source: LwtSource) {
        let mut place = self.source();
        match &*place {
            Source::Detached => {}
            Source::Unknown | Source::Known(_) => {
                source.wait.begin(self.clone());
                *place = Source::Known(source);
            }
        }
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
}
