//! Promises that OCaml makes: `Lwt_rust.Promise`.

use std::sync::{Arc, Mutex, MutexGuard};

use super::link::Sink;
use crate::{
    error::{Error, Exception},
    ffi::{Lock, Root, Val, promise_value},
};

/// A promise that OCaml made, before and after Rust asks for it.
pub(crate) struct Relay(Mutex<RelayState>);

enum RelayState {
    /// Neither settled nor asked for.
    Empty,
    /// Settled, and not asked for yet.
    Resolved(Root),
    /// Settled, and not asked for yet.
    Rejected(Exception),
    /// Asked for: what comes goes on to the link of a `Promise<T>`.
    Attached(Arc<dyn Sink>),
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, RelayState> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Where to send a settlement, or the state to keep it in.
    fn target(&self) -> Result<Arc<dyn Sink>, MutexGuard<'_, RelayState>> {
        let state = self.lock();
        match &*state {
            RelayState::Attached(sink) => Ok(sink.clone()),
            RelayState::Empty | RelayState::Resolved(_) | RelayState::Rejected(_) => Err(state),
        }
    }

    fn keep(mut state: MutexGuard<'_, RelayState>, settled: RelayState) -> bool {
        let is_first = matches!(*state, RelayState::Empty);
        if is_first {
            *state = settled;
        }
        is_first
    }

    /// Settles with an OCaml value. Returns `false` if it was settled before.
    pub(crate) fn resolve(&self, value: Val<'_>) -> bool {
        match self.target() {
            Ok(sink) => sink.resolve(value),
            Err(state) => Self::keep(state, RelayState::Resolved(Root::new(value))),
        }
    }

    /// Settles with an OCaml exception. Returns `false` if it was settled before.
    pub(crate) fn reject(&self, exception: Exception) -> bool {
        match self.target() {
            Ok(sink) => sink.reject(exception),
            Err(state) => Self::keep(state, RelayState::Rejected(exception)),
        }
    }

    /// Nobody will settle it any more. Any thread may call it.
    pub(crate) fn abandon(&self) {
        if let Ok(sink) = self.target() {
            sink.abandon();
        }
    }

    /// Sends what settles it on to `sink`. `value` is the OCaml value that
    /// holds `self`.
    ///
    /// # Errors
    ///
    /// If it was asked for before.
    pub(super) fn attach(&self, value: Val<'_>, sink: Arc<dyn Sink>) -> Result<(), Error> {
        let mut state = self.lock();
        let before = std::mem::replace(&mut *state, RelayState::Attached(sink.clone()));
        match before {
            RelayState::Empty => return Ok(()),
            RelayState::Attached(first) => {
                *state = RelayState::Attached(first);
                return Err(Error::message(
                    "a Lwt_rust.Promise.t was given to Rust twice: only one future can await it",
                ));
            }
            RelayState::Resolved(root) => {
                drop(state);
                sink.resolve(root.beside(value));
            }
            RelayState::Rejected(exception) => {
                drop(state);
                sink.reject(exception);
            }
        }
        Ok(())
    }
}

/// Allocates a promise that OCaml settles: `Lwt_rust.Promise.create`.
pub(crate) fn create(lock: &mut Lock) -> Val<'_> {
    promise_value(lock, Arc::new(Relay(Mutex::new(RelayState::Empty))))
}
