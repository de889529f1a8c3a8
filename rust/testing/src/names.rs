//! Functions with names that other functions have, in this crate and in the C library.

use std::sync::atomic::{AtomicBool, Ordering};

use lwt_rust::func;

/// Set when the program starts, by a module that no other code names.
pub(crate) static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Returns whether the module that registers itself at the start is in the program.
#[func]
pub(crate) fn is_registered() -> bool {
    REGISTERED.load(Ordering::Relaxed)
}

/// The C library has a function of this name, and everybody calls it.
#[func]
pub(crate) fn free(number: i64) -> i64 {
    number
}

pub(crate) mod first {
    use super::func;

    /// The first of two functions that Rust calls `pick`.
    #[func(name = "pick_first")]
    pub(crate) fn pick(a: i64, _b: i64, _c: i64, _d: i64, _e: i64, _f: i64) -> i64 {
        a
    }
}

pub(crate) mod last {
    use super::func;

    /// The other one.
    #[func(name = "pick_last")]
    pub(crate) fn pick(_a: i64, _b: i64, _c: i64, _d: i64, _e: i64, f: i64) -> i64 {
        f
    }
}

/// The stub that `#[func]` writes has these names, too.
#[func]
pub(crate) fn stub(lock: i64, start: i64) -> i64 {
    lock - start
}

/// The same, where bytecode has a stub of its own.
#[func]
pub(crate) fn value_0(a: i64, _b: i64, _c: i64, _d: i64, _e: i64, f: i64) -> i64 {
    a - f
}

/// Bytecode has stubs of its own for the two.
#[func]
pub(crate) fn pick_bytecode(number: i64) -> i64 {
    number
}
