//! Rust promises as OCaml values.

use std::sync::Arc;

use lwt_rust_core::{catch_panic, drop_quietly};
use ocaml::sys;

use super::{lock::Lock, value::Val};
use crate::{fork, promise::Relay};

/// What the custom block holds after its header, never replaced.
type Held = Arc<Relay>;

/// The operations that mark our blocks: an address of our own.
struct Operations(sys::custom_operations);

// SAFETY: the operations are never written, and the pointers in them are to
// constants and functions.
unsafe impl Sync for Operations {}

static OPERATIONS: Operations = Operations(sys::custom_operations {
    identifier: c"lwt_rust.promise".as_ptr(),
    finalize: Some(finalize),
    compare: None,
    hash: None,
    serialize: None,
    deserialize: None,
    compare_ext: None,
    fixed_length: std::ptr::null(),
});

/// Allocates the OCaml value through which `relay` is settled. It is abandoned
/// when the value is collected.
pub(crate) fn promise_value(lock: &mut Lock, relay: Held) -> Val<'_> {
    // SAFETY: the lock is held and the operations are static. One in a
    // thousand such blocks speeds a collection up: they hold little memory.
    let block = unsafe { sys::caml_alloc_custom(&OPERATIONS.0, size_of::<Held>(), 1, 1000) };
    // SAFETY: field 1 is where the data of a custom block begins.
    let data = unsafe { sys::field(block, 1) };
    // SAFETY: there is room for one `Held` there, and words are aligned enough
    // for a pointer.
    unsafe { data.cast::<Held>().write(relay) };
    // SAFETY: `block` was allocated just now and is initialised.
    unsafe { Val::from_raw(lock, block) }
}

/// The promise within a value made by [`promise_value`]; `None` for any other.
pub(crate) fn promise_of(value: Val<'_>) -> Option<Held> {
    if value.tag() != Some(sys::CUSTOM) {
        return None;
    }
    // SAFETY: field 0 of a custom block is a pointer to its operations.
    let field = unsafe { sys::field(value.raw(), 0) };
    // SAFETY: the block is live and initialised.
    let operations = unsafe { field.read() } as *const sys::custom_operations;
    if !std::ptr::eq(operations, &OPERATIONS.0) {
        return None;
    }
    // SAFETY: the operations are ours, so the data is a `Held`.
    let data = unsafe { sys::field(value.raw(), 1) };
    // SAFETY: it is initialised, and dropped only by the finaliser, which
    // cannot run while the value is reachable.
    Some(unsafe { &*data.cast::<Held>() }.clone())
}

/// Runs on any thread, perhaps one that OCaml does not know and while its
/// domain is blocked: it must call nothing of OCaml's (rule 10).
unsafe extern "C" fn finalize(block: sys::Value) {
    // SAFETY: OCaml calls this once, for a block made by `promise_value`.
    let data = unsafe { sys::field(block, 1) };
    // SAFETY: the data is an initialised `Held`, which nobody reads after this.
    let relay = unsafe { data.cast::<Held>().read() };
    if fork::happened() {
        // A mutex that the relay leads to may be locked for ever.
        return std::mem::forget(relay);
    }
    // A panic of a waker must not unwind into the collector. There is nobody
    // to tell but the panic hook, which has been told.
    if let Err(payload) = catch_panic(|| relay.abandon()) {
        drop_quietly(payload);
    }
}
