//! tokio's context on a thread that runs a stub.

use std::cell::Cell;

use tokio::runtime::{EnterGuard, Handle};

use crate::ocaml::is_called_by_rust;

thread_local! {
    /// Whether the context was entered for good.
    static IS_ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// Enters tokio's context on this thread, which runs a stub.
///
/// If the thread is in no other context of tokio, and no call from Rust to OCaml is under
/// way, the thread stays in this context for good: entering takes as long as the rest of
/// a small call. Otherwise it leaves the context when the guard is dropped, since
/// contexts have to be left in the reverse order.
#[inline]
pub(crate) fn enter_tokio(tokio: &Handle) -> Option<EnterGuard<'_>> {
    // A Rust function that has called OCaml may have entered one of its own.
    match IS_ENTERED.get() && !is_called_by_rust() {
        true => None,
        false => enter_tokio_now(tokio),
    }
}

fn enter_tokio_now(tokio: &Handle) -> Option<EnterGuard<'_>> {
    let is_outside = Handle::try_current().is_err();
    let guard = tokio.enter();
    if is_outside && !is_called_by_rust() {
        IS_ENTERED.set(true);
        std::mem::forget(guard);
        return None;
    }
    Some(guard)
}
