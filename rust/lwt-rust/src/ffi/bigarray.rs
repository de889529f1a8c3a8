//! The memory of OCaml's arrays that do not move.

use std::{mem::offset_of, sync::atomic::AtomicU8};

use ocaml::sys::{self, bigarray};

use super::{lock::Lock, value::Val};

/// The bytes of a value of `Bigarray`, valid as long as the value is alive.
#[derive(Debug)]
pub(crate) struct Bytes {
    start: *mut u8,
    length: usize,
}

// SAFETY: it is an address; whoever uses the memory behind it answers for that.
unsafe impl Send for Bytes {}

// SAFETY: as above. What is read and written here is atomic.
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

    /// `length` bytes from `start` on, which others may be writing.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub(crate) fn cells(&self, start: usize, length: usize) -> &[AtomicU8] {
        let cells: &[AtomicU8] = match self.length {
            // The address of an empty array may be anything.
            0 => &[],
            // SAFETY: the array is alive, has so many bytes, and they stay where
            // they are; atomics may be shared with whoever writes them.
            all => unsafe { std::slice::from_raw_parts(self.start.cast(), all) },
        };
        &cells[start..][..length]
    }
}

/// Whether `value` is a custom block whose operations have the name of those of
/// `Bigarray`.
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
    let name = unsafe { std::ffi::CStr::from_ptr(identifier) };
    name == c"_bigarr02"
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
