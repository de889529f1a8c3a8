//! Rust values as OCaml values: custom blocks.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
};

use lwt_rust_core::catch_panic;
use ocaml::sys;

use super::{bottom::at_bottom, lock::Lock, value::Val};
use crate::{error::Panic, fork, promise::Relay, runtime};

/// The operations that mark the blocks of one kind, by their address.
struct Operations(sys::custom_operations);

// SAFETY: the operations are never written, and the pointers in them are to
// constants and functions.
unsafe impl Sync for Operations {}

impl Operations {
    const fn of<T: Held>(identifier: &'static std::ffi::CStr) -> Self {
        Operations(sys::custom_operations {
            identifier: identifier.as_ptr(),
            finalize: Some(finalize::<T>),
            compare: None,
            hash: None,
            serialize: None,
            deserialize: None,
            compare_ext: None,
            fixed_length: std::ptr::null(),
        })
    }
}

/// What a custom block holds behind its header, aligned as a word is.
trait Held: Send + Sync + Sized + 'static {
    /// One static for each type, made by [`Operations::of`] it.
    fn operations() -> &'static Operations;

    /// OCaml's collector has found that nobody has the value. It runs on any
    /// thread, perhaps one that OCaml does not know and while its domain is
    /// blocked: it must call nothing of OCaml's (rule 10).
    fn end(self);
}

fn allocate<T: Held>(
    lock: &mut Lock,
    held: T,
    allocate: impl FnOnce(*const sys::custom_operations) -> sys::Value,
) -> Val<'_> {
    const { assert!(align_of::<T>() <= align_of::<sys::Value>()) };
    let block = allocate(&T::operations().0);
    // SAFETY: field 1 is where the data of a custom block begins.
    let data = unsafe { sys::field(block, 1) };
    // SAFETY: there is room for a `T` there, and words are aligned enough.
    unsafe { data.cast::<T>().write(held) };
    // SAFETY: `block` was allocated just now and is initialised.
    unsafe { Val::from_raw(lock, block) }
}

/// What [`allocate`] has put into a block; `None` for any other value.
fn held<T: Held>(value: Val<'_>) -> Option<&T> {
    if value.tag() != Some(sys::CUSTOM) {
        return None;
    }
    // SAFETY: field 0 of a custom block is a pointer to its operations.
    let field = unsafe { sys::field(value.raw(), 0) };
    // SAFETY: the block is live and initialised.
    let operations = unsafe { field.read() } as *const sys::custom_operations;
    if !std::ptr::eq(operations, &T::operations().0) {
        return None;
    }
    // SAFETY: the operations are those of `T`, so the data is one.
    let data = unsafe { sys::field(value.raw(), 1) };
    // SAFETY: it is initialised, and dropped only by the finaliser, which cannot
    // run while the value is reachable; it moves only when OCaml allocates.
    Some(unsafe { &*data.cast::<T>() })
}

unsafe extern "C" fn finalize<T: Held>(block: sys::Value) {
    // SAFETY: OCaml calls this once, for a block made by `allocate`.
    let data = unsafe { sys::field(block, 1) };
    // SAFETY: the data is an initialised `T`, which nobody reads after this.
    let held = unsafe { data.cast::<T>().read() };
    if fork::happened() {
        // A mutex that the value leads to may be locked for ever.
        return std::mem::forget(held);
    }
    // A panic must not unwind into the collector.
    at_bottom(|| {
        if let Err(payload) = catch_panic(|| held.end()) {
            Panic::in_finaliser(payload);
        }
        sys::UNIT
    });
}

// Promises that OCaml makes for Rust.

impl Held for Arc<Relay> {
    fn operations() -> &'static Operations {
        static PROMISE: Operations = Operations::of::<Arc<Relay>>(c"lwt_rust.promise");
        &PROMISE
    }

    fn end(self) {
        self.abandon();
    }
}

/// Allocates the OCaml value through which `relay` is settled. It is abandoned
/// when the value is collected.
pub(crate) fn promise_value(lock: &mut Lock, relay: Arc<Relay>) -> Val<'_> {
    allocate(lock, relay, |operations| {
        // SAFETY: the lock is held and the operations are static. One in a
        // thousand such blocks speeds a collection up: they hold little memory.
        unsafe { sys::caml_alloc_custom(operations, size_of::<Arc<Relay>>(), 1, 1000) }
    })
}

/// The promise within a value made by [`promise_value`]; `None` for any other.
pub(crate) fn promise_of(value: Val<'_>) -> Option<Arc<Relay>> {
    held::<Arc<Relay>>(value).cloned()
}

// Rust values of abstract types.

/// A Rust value that OCaml holds, until it is taken away. It stands in a box,
/// since OCaml moves what stands in its heap.
pub(crate) struct Content(Box<Mutex<Option<Shared>>>);

type Shared = Arc<dyn Any + Send + Sync>;

impl Content {
    pub(crate) fn new(value: Shared) -> Self {
        Content(Box::new(Mutex::new(Some(value))))
    }

    /// The value, unless it was taken.
    pub(crate) fn get(&self) -> Option<Shared> {
        let content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        content.clone()
    }

    /// The value, for the last time.
    pub(crate) fn take(&self) -> Option<Shared> {
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        content.take()
    }
}

impl Held for Content {
    fn operations() -> &'static Operations {
        static CONTENT: Operations = Operations::of::<Content>(c"lwt_rust.abstract");
        &CONTENT
    }

    fn end(self) {
        runtime::in_context(|| drop(self));
    }
}

/// Allocates an OCaml value that holds `content`, which keeps `size` bytes.
pub(crate) fn content_value(lock: &mut Lock, content: Content, size: usize) -> Val<'_> {
    allocate(lock, content, |operations| {
        // SAFETY: the lock is held and the operations are static, whatever the
        // declaration says of them: OCaml does not write them.
        unsafe { sys::caml_alloc_custom_mem(operations.cast_mut(), size_of::<Content>(), size) }
    })
}

/// The content of a value made by [`content_value`]; `None` for any other.
pub(crate) fn content_of(value: Val<'_>) -> Option<&Content> {
    held(value)
}
