//! The memory of OCaml's arrays that do not move.

use std::{ffi::CStr, mem::offset_of};

use ocaml::sys::{self, bigarray};

use super::{
    copy::{copy_shared, copy_to_vec},
    lock::Lock,
    value::Val,
};

/// The bytes of a value of `Bigarray`, valid as long as the value is alive.
#[derive(Debug)]
pub(crate) struct Bytes {
    start: *mut u8,
    length: usize,
}

// SAFETY: it is an address; whoever uses the memory behind it answers for that.
unsafe impl Send for Bytes {}

// SAFETY: as above. What is read and written here is so by `copy_shared`.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The memory of `value`, if that is an array of bytes of one dimension.
    ///
    /// Whoever keeps what this gives keeps the value alive beside it.
    pub(crate) fn of(value: Val<'_>) -> Option<Bytes> {
        if !is_bigarray(value) {
            return None;
        }
        // SAFETY: field 1 is where the data of a custom block begins.
        let data = unsafe { sys::field(value.raw(), 1) }.cast::<bigarray::Bigarray>();
        // SAFETY: it is a bigarray, which has its description there.
        let array = unsafe { data.read() };
        let kind = array.flags & bigarray::Kind::KIND_MASK as isize;
        let is_of_bytes = kind == bigarray::Kind::CHAR as isize
            || kind == bigarray::Kind::UINT8 as isize
            || kind == bigarray::Kind::SINT8 as isize;
        if !is_of_bytes || array.num_dims != 1 {
            return None;
        }
        // SAFETY: the dimensions stand behind the description, and there is one.
        let dimension = unsafe { data.byte_add(offset_of!(bigarray::Bigarray, dim)) };
        // SAFETY: as above.
        let length = unsafe { dimension.cast::<isize>().read() };
        Some(Bytes {
            start: array.data.cast(),
            length: usize::try_from(length).ok()?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.start
    }

    /// Copies bytes out, from position `start` on, as many as `into` has. Others may
    /// be writing them.
    ///
    /// # Panics
    ///
    /// If the array ends before that.
    pub(crate) fn read(&self, start: usize, into: &mut [u8]) {
        let from = self.part(start, into.len());
        // SAFETY: the array has that part and is alive, for the owner of this keeps its
        // value alive, and it stays where it is. `into` is the caller's alone, so it is
        // no part of the array.
        unsafe { copy_shared(from, into.as_mut_ptr(), into.len()) };
    }

    /// Copies bytes in, from position `start` on. Others may be using them.
    ///
    /// # Panics
    ///
    /// If the array ends before that.
    pub(crate) fn write(&self, start: usize, from: &[u8]) {
        let into = self.part(start, from.len());
        // SAFETY: as in `read`. Nobody writes `from`, so it is no part of the array.
        unsafe { copy_shared(from.as_ptr(), into, from.len()) };
    }

    /// A copy of all bytes. Others may be writing them.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        // SAFETY: as in `read`.
        unsafe { copy_to_vec(self.start, self.length) }
    }

    /// Where the part of `length` bytes from `start` on begins.
    fn part(&self, start: usize, length: usize) -> *mut u8 {
        let all = self.length;
        assert!(
            start <= all && length <= all - start,
            "a buffer of {all} bytes has no {length} bytes at {start}"
        );
        self.start.wrapping_add(start)
    }
}

/// The names of the operations of `Bigarray`, and of `Unix.map_file`.
const OPERATIONS: [&CStr; 2] = [c"_bigarr02", c"_bigarray"];

/// Whether `value` is a custom block whose operations have the name of those of
/// `Bigarray`, or of the arrays that are files.
fn is_bigarray(value: Val<'_>) -> bool {
    if value.tag() != Some(sys::CUSTOM) {
        return false;
    }
    // SAFETY: field 0 of a custom block is a pointer to its operations.
    let field = unsafe { sys::field(value.raw(), 0) };
    // SAFETY: the block is live and initialised.
    let operations = unsafe { field.read() } as *const sys::custom_operations;
    // SAFETY: the operations of a live block are valid, and have a name.
    let identifier = unsafe { (*operations).identifier };
    // SAFETY: the name is a C string.
    let name = unsafe { CStr::from_ptr(identifier) };
    OPERATIONS.contains(&name)
}

impl Lock {
    /// Allocates an array of `length` zeros outside of OCaml's heap, if there is
    /// memory for it.
    pub(crate) fn bigarray(&mut self, length: usize) -> Option<Val<'_>> {
        let size = isize::try_from(length).ok()?;
        // SAFETY: any size may be asked for. OCaml frees what it manages with
        // `free`, so it comes from C's allocator.
        let data = unsafe { libc::calloc(length.max(1), 1) };
        if data.is_null() {
            return None;
        }
        let flags = bigarray::Kind::CHAR as i32 | bigarray::Managed::MANAGED as i32;
        // SAFETY: the lock is held, there is one dimension and its size is that
        // of the memory.
        let array = unsafe { bigarray::caml_ba_alloc_dims(flags, 1, data, size) };
        // SAFETY: `array` was allocated just now.
        Some(unsafe { Val::from_raw(self, array) })
    }
}
