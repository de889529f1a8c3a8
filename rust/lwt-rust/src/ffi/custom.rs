//! Rust values as OCaml values: custom blocks.

use std::{
    any::Any,
    sync::{Arc, Mutex, PoisonError},
};

use lwt_rust_core::catch_panic;
use ocaml::sys;

use super::{bottom::at_bottom, lock::Lock, value::Val};
use crate::{error::Panic, fork, promise::Relay, runtime};

/// The operations of the blocks of one kind. Their address tells the kind of a block.
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

/// A type whose values stand in a custom block, behind the header. Its alignment is at
/// most that of a word.
trait Held: Send + Sync + Sized + 'static {
    /// The operations of this type: a static that [`Operations::of`] has made for the
    /// type.
    fn operations() -> &'static Operations;

    /// Ends the value, when OCaml's collector has found that the block is unreachable. It
    /// runs on any thread, perhaps on one that OCaml does not know, and perhaps while its
    /// domain is blocked. So it must not call OCaml (rule 10).
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
    // SAFETY: the block has room for a `T` there, and the alignment of a word suffices
    // for it.
    unsafe { data.cast::<T>().write(held) };
    // SAFETY: `block` was allocated just now and is initialised.
    unsafe { Val::from_raw(lock, block) }
}

/// The `T` that [`allocate`] has put into a block; `None` for any other value.
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
    // SAFETY: the `T` is initialised. The finaliser alone drops it, and cannot run while
    // the value is reachable. It moves only when OCaml allocates.
    Some(unsafe { &*data.cast::<T>() })
}

unsafe extern "C" fn finalize<T: Held>(block: sys::Value) {
    // SAFETY: OCaml calls this once, for a block made by `allocate`.
    let data = unsafe { sys::field(block, 1) };
    // SAFETY: the data is an initialised `T`, which no code reads after this.
    let held = unsafe { data.cast::<T>().read() };
    if fork::happened() {
        // The value may own a mutex that a thread of the parent process had locked: it
        // would stay locked for ever.
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

/// Allocates the OCaml value through which OCaml settles `relay`. When OCaml collects the
/// value, `relay` is abandoned.
pub(crate) fn promise_value(lock: &mut Lock, relay: Arc<Relay>) -> Val<'_> {
    allocate(lock, relay, |operations| {
        // SAFETY: the lock is held and the operations are static. The last two arguments
        // say that a thousand such blocks are worth a collection: they hold little
        // memory.
        unsafe { sys::caml_alloc_custom(operations, size_of::<Arc<Relay>>(), 1, 1000) }
    })
}

/// The promise within a value made by [`promise_value`]; `None` for any other.
pub(crate) fn promise_of(value: Val<'_>) -> Option<Arc<Relay>> {
    held::<Arc<Relay>>(value).cloned()
}

// Rust values of abstract types.

/// A Rust value that OCaml holds, until it is taken away. The mutex stands in a box,
/// since OCaml moves the blocks of its heap.
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

    /// Takes the value away: it is `None` from now on.
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

/// Allocates an OCaml value that holds `content`, whose size is `size` bytes.
pub(crate) fn content_value(lock: &mut Lock, content: Content, size: usize) -> Val<'_> {
    allocate(lock, content, |operations| {
        // SAFETY: the lock is held and the operations are static. OCaml does not write
        // them, although the declaration of the function takes a mutable pointer.
        unsafe { sys::caml_alloc_custom_mem(operations.cast_mut(), size_of::<Content>(), size) }
    })
}

/// The content of a value made by [`content_value`]; `None` for any other.
pub(crate) fn content_of(value: Val<'_>) -> Option<&Content> {
    held(value)
}
