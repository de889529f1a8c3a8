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

// SAFETY: it is an address. The code that uses the memory behind the address has to
// justify each use itself.
unsafe impl Send for Bytes {}

// SAFETY: as above. The methods read and write the memory by `copy_shared` alone.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// The memory of `value`, if `value` is an array of bytes with one dimension.
    ///
    /// The caller has to keep `value` alive for as long as it keeps the `Bytes`.
    pub(crate) fn of(value: Val<'_>) -> Option<Bytes> {
        if !is_bigarray(value) {
            return None;
        }
        // SAFETY: field 1 is where the data of a custom block begins.
        let data = unsafe { sys::field(value.raw(), 1) }.cast::<bigarray::Bigarray>();
        // SAFETY: the value is a bigarray, whose description stands there.
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

    /// Fills `into` with bytes of the array, from position `start` on. Other threads may
    /// write the array meanwhile.
    ///
    /// # Panics
    ///
    /// If the array ends before that.
    pub(crate) fn read(&self, start: usize, into: &mut [u8]) {
        let from = self.part(start, into.len());
        // SAFETY: the array has that part. It is alive, because the owner of the `Bytes`
        // keeps the value alive, and it does not move. `into` belongs to the caller
        // alone, so it is no part of the array.
        unsafe { copy_shared(from, into.as_mut_ptr(), into.len()) };
    }

    /// Copies `from` into the array, from position `start` on. Other threads may use the
    /// array meanwhile.
    ///
    /// # Panics
    ///
    /// If the array ends before that.
    pub(crate) fn write(&self, start: usize, from: &[u8]) {
        let into = self.part(start, from.len());
        // SAFETY: as in `read`. No other code writes `from`, so it is no part of the
        // array.
        unsafe { copy_shared(from.as_ptr(), into, from.len()) };
    }

    /// A copy of all bytes. Other threads may write them meanwhile.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        // SAFETY: as in `read`.
        unsafe { copy_to_vec(self.start, self.length) }
    }

    /// The address of the part that has `length` bytes and begins at position `start`.
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

/// Whether `value` is a custom block whose operations have one of the names in
/// [`OPERATIONS`].
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
    /// Allocates an array of `length` zeros outside of OCaml's heap. Returns `None` if
    /// there is no memory for it.
    pub(crate) fn bigarray(&mut self, length: usize) -> Option<Val<'_>> {
        let size = isize::try_from(length).ok()?;
        // SAFETY: any size may be asked for. The memory comes from C's allocator, because
        // OCaml frees the memory of the array with `free`.
        let data = unsafe { libc::calloc(length.max(1), 1) };
        if data.is_null() {
            return None;
        }
        let flags = bigarray::Kind::CHAR as i32 | bigarray::Managed::MANAGED as i32;
        // SAFETY: the lock is held. The array has one dimension, whose size is that of
        // the memory.
        let array = unsafe { bigarray::caml_ba_alloc_dims(flags, 1, data, size) };
        // SAFETY: `array` was allocated just now.
        Some(unsafe { Val::from_raw(self, array) })
    }
}
