//! Copies of memory that somebody else may be writing.

use std::{ffi::c_void, hint::black_box};

/// Copies `length` bytes from `from` to `into`, as `memcpy` does.
///
/// OCaml code in another domain, or another thread with the same buffer, may read
/// and write the OCaml side of the copy meanwhile. If Rust's own `copy` met such a
/// write, that would be a data race. This is a call of the C library that the
/// compiler cannot see through, so to Rust it is like inline assembly: it may do
/// whatever Rust code could do in its place. There is such code: a loop that reads
/// and writes each byte with a relaxed atomic operation. A byte that is written
/// meanwhile comes out as it was or as it is.
///
/// # Safety
///
/// Both places have `length` bytes, and do not overlap. The Rust side, if one of
/// them is memory of Rust's, is nobody else's meanwhile.
pub(super) unsafe fn copy_shared(from: *const u8, into: *mut u8, length: usize) {
    type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
    if length == 0 {
        // The address of nothing may be anything.
        return;
    }
    let copy: Copy = black_box(libc::memcpy as Copy);
    // SAFETY: the caller says so.
    unsafe { copy(into.cast(), from.cast(), length) };
}

/// As [`copy_shared`], into a new vector.
///
/// # Safety
///
/// `from` has `length` bytes.
pub(super) unsafe fn copy_to_vec(from: *const u8, length: usize) -> Vec<u8> {
    let mut copy = Vec::with_capacity(length);
    // SAFETY: the caller says so of the source, and the vector has room.
    unsafe { copy_shared(from, copy.as_mut_ptr(), length) };
    // SAFETY: so many bytes were just written.
    unsafe { copy.set_len(length) };
    copy
}
