//! The slots of a domain's tables.

use lwt_rust_core::most_slots;

use crate::error::Error;

/// The slot of a task, by which it is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskSlot(pub(super) usize);

/// The error for more things than wakers and tickets have numbers for.
#[cold]
pub(super) fn too_many(things: &str) -> Error {
    Error::message(format!(
        "this domain has {} {things} at a time, which is the most that it can have",
        most_slots()
    ))
}
