//! Rust values as OCaml values: custom blocks.

use lwt_rust_core::{Payload, catch_panic};
use ocaml::sys;

use super::{bottom::at_bottom, lock::Lock, value::Val};
use crate::fork;

/// The operations of the blocks of one kind. Their address tells the kind of a block.
pub(crate) struct Operations(sys::custom_operations);

// SAFETY: the operations are never written, and the pointers in them are to
// constants and functions.
unsafe impl Sync for Operations {}

impl Operations {
    pub(crate) const fn of<T: Held>(identifier: &'static std::ffi::CStr) -> Self {
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
///
/// # Safety
///
/// `operations` returns a static that [`Operations::of`] has made for this type, and that
/// no other type has.
pub(crate) unsafe trait Held: Send + Sync + Sized + 'static {
    /// The operations of this type.
    fn operations() -> &'static Operations;

    /// Ends the value, when OCaml's collector has found that the block is unreachable. It
    /// runs on any thread, perhaps on one that OCaml does not know, and perhaps while its
    /// domain is blocked. So it must not call OCaml (rule 10).
    fn end(self);

    /// Handles a panic of [`end`](Held::end).
    fn end_panicked(payload: Payload);
}

/// Allocates an OCaml value that holds a Rust value. If the Rust value takes much memory,
/// `size` says how many bytes. Then OCaml's collector runs the earlier, the more memory
/// such values take.
pub(crate) fn custom_block<T: Held>(lock: &mut Lock, held: T, size: Option<usize>) -> Val<'_> {
    const { assert!(align_of::<T>() <= align_of::<sys::Value>()) };
    let operations = &raw const T::operations().0;
    let block = match size {
        // SAFETY: the lock is held and the operations are static. The last two arguments
        // say that a thousand such blocks are worth a collection.
        None => unsafe { sys::caml_alloc_custom(operations, size_of::<T>(), 1, 1000) },
        // SAFETY: the lock is held and the operations are static. OCaml does not write
        // them, although the declaration of the function takes a mutable pointer.
        Some(size) => unsafe {
            sys::caml_alloc_custom_mem(operations.cast_mut(), size_of::<T>(), size)
        },
    };
    // SAFETY: field 1 is where the data of a custom block begins.
    let data = unsafe { sys::field(block, 1) };
    // SAFETY: the block has room for a `T` there, and the alignment of a word suffices
    // for it.
    unsafe { data.cast::<T>().write(held) };
    // SAFETY: `block` was allocated just now and is initialised.
    unsafe { Val::from_raw(lock, block) }
}

/// The `T` that [`custom_block`] has put into a block; `None` for any other value.
pub(crate) fn held<T: Held>(value: Val<'_>) -> Option<&T> {
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
    // SAFETY: OCaml calls this once, for a block made by `custom_block`.
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
            T::end_panicked(payload);
        }
        sys::UNIT
    });
}
