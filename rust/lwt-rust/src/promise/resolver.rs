//! The Rust side that settles a promise.

use std::sync::Arc;

use super::link::Link;
use crate::error::Error;

/// Settles a [`Promise`](super::Promise) from Rust. Any thread may use it, once.
///
/// A resolver that is dropped rejects its promise with [`Error::Abandoned`].
pub struct Resolver<T>(Option<Arc<Link<T>>>);

impl<T> Resolver<T> {
    pub(super) fn new(link: Arc<Link<T>>) -> Self {
        Resolver(Some(link))
    }

    /// Resolves the promise and wakes the task that awaits it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the promise was dropped.
    pub fn resolve(mut self, value: T) -> Result<(), T> {
        match self.settle(Ok(value)) {
            Ok(()) => Ok(()),
            Err(Ok(value)) => Err(value),
            Err(Err(_)) => unreachable!("what comes back is what was given"),
        }
    }

    /// Rejects the promise and wakes the task that awaits it.
    ///
    /// # Errors
    ///
    /// Gives the error back if the promise was dropped.
    pub fn reject(mut self, error: impl Into<Error>) -> Result<(), Error> {
        match self.settle(Err(error.into())) {
            Ok(()) => Ok(()),
            Err(Err(error)) => Err(error),
            Err(Ok(_)) => unreachable!("what comes back is what was given"),
        }
    }

    /// Whether the promise was dropped, so that no task waits for the value.
    pub fn is_abandoned(&self) -> bool {
        self.0.as_ref().is_none_or(|link| link.cell.is_settled())
    }

    fn settle(&mut self, result: Result<T, Error>) -> Result<(), Result<T, Error>> {
        match self.0.take() {
            Some(link) => link.cell.settle(result),
            None => Err(result),
        }
    }

    /// Gives the link to the caller, which has to settle it.
    pub(super) fn leave(mut self) -> Option<Arc<Link<T>>> {
        self.0.take()
    }
}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        // `settle` returns the error if the promise was dropped: then nothing waits for it.
        let _ = self.settle(Err(Error::Abandoned));
    }
}

impl<T> std::fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver(..)")
    }
}
