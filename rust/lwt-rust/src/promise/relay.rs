//! Promises that OCaml makes: `Lwt_rust.Promise`.

use std::sync::{Arc, Mutex, MutexGuard};

use lwt_rust_core::Payload;

use crate::{
    domain::Sink,
    error::{Error, Exception},
    ocaml::{Held, Lock, Operations, Root, Val, custom_block, held},
    runtime,
};

/// A promise that OCaml made, before and after Rust asks for it.
pub(crate) struct Relay(Mutex<RelayState>);

enum RelayState {
    /// Neither settled nor asked for.
    Empty,
    /// Settled, and not asked for yet.
    Settled(Settlement),
    /// Asked for: the settlement will go to the link of a `Promise<T>`.
    Attached(Arc<dyn Sink>),
    /// Settled and asked for.
    Done,
}

/// The value or the exception with which OCaml settles a promise.
pub(crate) enum Settlement {
    Resolved(Root),
    Rejected(Exception),
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, RelayState> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Settles the promise, whether or not the future that awaits it is still
    /// there. Returns `false` if it was settled before.
    pub(crate) fn settle(&self, lock: &Lock, settlement: Settlement) -> bool {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, RelayState::Done) {
            RelayState::Empty => *state = RelayState::Settled(settlement),
            RelayState::Attached(sink) => {
                drop(state);
                settlement.pass_on(lock, &*sink);
            }
            before @ (RelayState::Settled(_) | RelayState::Done) => {
                *state = before;
                return false;
            }
        }
        true
    }

    /// Rejects the promise with [`Error::Abandoned`], since nothing is left to settle it.
    /// Any thread may call it.
    pub(crate) fn abandon(&self) {
        let before = std::mem::replace(&mut *self.lock(), RelayState::Done);
        if let RelayState::Attached(sink) = before {
            sink.abandon();
        }
    }

    /// Makes the promise settle `sink`. `value` is the OCaml value that holds `self`.
    ///
    /// # Errors
    ///
    /// If Rust has asked for the promise before.
    pub(super) fn attach(&self, value: Val<'_>, sink: Arc<dyn Sink>) -> Result<(), Error> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, RelayState::Done) {
            RelayState::Empty => *state = RelayState::Attached(sink),
            RelayState::Settled(settlement) => {
                drop(state);
                value.loan(|lock| settlement.pass_on(lock, &*sink));
            }
            before @ (RelayState::Attached(_) | RelayState::Done) => {
                *state = before;
                return Err(Error::message(
                    "a Lwt_rust.Promise.t was given to Rust twice: only one future can await it",
                ));
            }
        }
        Ok(())
    }
}

impl Settlement {
    fn pass_on(self, lock: &Lock, sink: &dyn Sink) {
        match self {
            Settlement::Resolved(value) => sink.resolve(value.get(lock)),
            Settlement::Rejected(exception) => sink.reject(exception),
        }
    }
}

// SAFETY: the static is in this function, for this type.
unsafe impl Held for Arc<Relay> {
    fn operations() -> &'static Operations {
        static PROMISE: Operations = Operations::of::<Arc<Relay>>(c"lwt_rust.promise");
        &PROMISE
    }

    fn end(self) {
        self.abandon();
    }

    fn end_panicked(payload: Payload) {
        runtime::panicked_in_finaliser(payload);
    }
}

/// Allocates a promise that OCaml settles: `Lwt_rust.Promise.create`. When OCaml collects
/// the value, the promise is abandoned.
pub(crate) fn create(lock: &mut Lock) -> Val<'_> {
    let relay = Arc::new(Relay(Mutex::new(RelayState::Empty)));
    custom_block(lock, relay, None)
}

/// The promise within a value made by [`create`]; `None` for any other.
pub(crate) fn promise_of(value: Val<'_>) -> Option<Arc<Relay>> {
    held::<Arc<Relay>>(value).cloned()
}
