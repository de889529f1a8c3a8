//! Rust values that OCaml holds, until they are taken away.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
};

use lwt_rust_core::Payload;

use crate::{
    error::Error,
    ocaml::{Held, Lock, Operations, Val, custom_block, held},
    runtime,
};

/// A Rust value that OCaml holds, until it is taken away. The mutex stands in a box,
/// since OCaml moves the blocks of its heap.
pub(crate) struct Content(Box<Mutex<Option<Shared>>>);

pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

impl Content {
    pub(crate) fn new(value: Shared) -> Self {
        Content(Box::new(Mutex::new(Some(value))))
    }

    /// The content of a value made by [`into_ocaml`](Content::into_ocaml); `None` for any
    /// other value.
    pub(crate) fn of(value: Val<'_>) -> Option<&Self> {
        held(value)
    }

    /// The value, unless it was taken.
    pub(crate) fn get(&self) -> Option<Shared> {
        let content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        content.clone()
    }

    /// Takes the value away: it is `None` from now on.
    pub(super) fn take(&self) -> Option<Shared> {
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        content.take()
    }

    /// Takes the value away if `take` can use it. Otherwise `take` gives it back.
    pub(super) fn take_if<T>(
        &self,
        take: impl FnOnce(Shared) -> Result<T, (Shared, Error)>,
    ) -> Option<Result<T, Error>> {
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = take(content.take()?);
        Some(taken.map_err(|(value, error)| {
            *content = Some(value);
            error
        }))
    }

    /// Allocates an OCaml value that holds this one, whose size is `size` bytes.
    pub(crate) fn into_ocaml(self, lock: &mut Lock, size: usize) -> Val<'_> {
        custom_block(lock, self, Some(size))
    }
}

// SAFETY: the static is in this function, for this type.
unsafe impl Held for Content {
    fn operations() -> &'static Operations {
        static CONTENT: Operations = Operations::of::<Content>(c"lwt_rust.abstract");
        &CONTENT
    }

    fn end(self) {
        runtime::in_context(|| drop(self));
    }

    fn end_panicked(payload: Payload) {
        runtime::panicked_in_finaliser(payload);
    }
}
