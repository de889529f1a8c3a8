//! Copies of memory that another thread may be writing.

use std::{ffi::c_void, hint::black_box};

/// Copies `length` bytes from `from` to `into`, as `memcpy` does.
///
/// Meanwhile OCaml code in another domain, or another thread with the same buffer, may
/// read and write the OCaml side of the copy. Rust's own `copy` would be a data race with
/// such a write. So this function calls the C library in a way that the compiler cannot
/// see through. To Rust, the call is like inline assembly: it may have any effect that
/// Rust code in its place could have. Such code exists: a loop that reads and writes each
/// byte with a relaxed atomic operation. If another thread writes a byte meanwhile, the
/// copy has the old byte or the new one.
///
/// # Safety
///
/// Both places have `length` bytes, and do not overlap. If one of them is memory of Rust,
/// no other code uses that one meanwhile.
pub(super) unsafe fn copy_shared(from: *const u8, into: *mut u8, length: usize) {
    type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
    if length == 0 {
        // The address of an empty place need not be valid.
        return;
    }
    let copy: Copy = black_box(libc::memcpy as Copy);
    // SAFETY: the caller says so.
    unsafe { copy(into.cast(), from.cast(), length) };
}

/// Copies as [`copy_shared`] does, into a new vector.
///
/// # Safety
///
/// `from` has `length` bytes.
pub(super) unsafe fn copy_to_vec(from: *const u8, length: usize) -> Vec<u8> {
    let mut copy = Vec::with_capacity(length);
    // SAFETY: the caller answers for `from`, and the vector has room.
    unsafe { copy_shared(from, copy.as_mut_ptr(), length) };
    // SAFETY: `length` bytes were written just now.
    unsafe { copy.set_len(length) };
    copy
}
