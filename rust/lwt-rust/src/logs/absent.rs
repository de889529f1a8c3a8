//! What OCaml finds without the feature `logs`.

use super::Level;
use crate::{
    error::Error,
    ocaml::{Lock, Root},
};

pub(crate) struct Levels(());

impl Levels {
    pub(crate) fn new(_default: Level, _by_target: Vec<(String, Level)>) -> Self {
        Levels(())
    }
}

pub(crate) fn set_levels(Levels(()): Levels) {}

/// # Errors
///
/// Always.
pub(crate) fn start(_room: usize) -> Result<(), Error> {
    Err(Error::message(
        "the Rust part of this program makes no records: in its Cargo.toml, add the feature \
         `logs` to `lwt-rust`, as in `lwt-rust = { version = \"*\", features = [\"logs\"] }`",
    ))
}

pub(crate) fn take(_lock: &mut Lock, _most: usize) -> Root {
    Root::UNIT
}

pub(crate) fn are_waiting() -> bool {
    false
}

pub(crate) fn dropped() -> usize {
    0
}
