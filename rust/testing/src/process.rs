//! The process around Rust: stacks, signals, children, threads.

use lwt_rust::{Abstract, AbstractType, func};

/// Panics when it is dropped.
#[derive(AbstractType)]
pub(crate) struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("panic in a finaliser");
    }
}

/// Something that panics when it is dropped.
#[func]
pub(crate) fn fragile() -> Abstract<Fragile> {
    Abstract::new(Fragile)
}
