//! Memory that OCaml and Rust share.

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Bytes, Lock, Root, Val},
};

/// An OCaml array of bytes that never moves, `Lwt_bytes.t`. Rust and OCaml read and write
/// the same memory, without a copy. A `Buffer` may be sent to any thread, and the memory
/// lives as long as the `Buffer`. An array that is a file (`Lwt_bytes.map_file`) is a
/// `Buffer` too. If such a file was truncated, reading beyond its end ends the process
/// with `SIGBUS`, as it does in OCaml.
///
/// OCaml, and other threads with the same buffer, may write the memory at any time. So
/// the safe methods copy bytes, as fast as `memcpy`. Of a byte that is written meanwhile
/// they see the old value or the new one. For uses without a copy there is
/// [`as_ptr`](Buffer::as_ptr).
#[derive(Debug)]
pub struct Buffer {
    root: Root,
    bytes: Bytes,
}

impl Buffer {
    /// A new buffer of `length` zeros.
    ///
    /// # Errors
    ///
    /// If there is no memory for it.
    pub fn new(lock: &mut Lock, length: usize) -> Result<Self, Error> {
        let array = lock.bigarray(length).ok_or_else(|| {
            Error::message(format!("there is no memory for a buffer of {length} bytes"))
        })?;
        let root = Root::new(array);
        // SAFETY: the array was made just now, with this type.
        unsafe { Self::from_ocaml(root.get(lock)) }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the buffer has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The address of the first byte. It is valid as long as the buffer lives. Code that
    /// uses it has to make sure that no thread writes a byte while another thread uses
    /// that byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.bytes.as_ptr()
    }

    /// Fills `into` with bytes of the buffer, from position `start` on.
    ///
    /// # Panics
    ///
    /// If the buffer ends before that.
    pub fn read(&self, start: usize, into: &mut [u8]) {
        self.bytes.read(start, into);
    }

    /// Copies `from` into the buffer, from position `start` on.
    ///
    /// # Panics
    ///
    /// If the buffer ends before that.
    pub fn write(&self, start: usize, from: &[u8]) {
        self.bytes.write(start, from);
    }

    /// A copy of all bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }
}

/// `(char, Bigarray.int8_unsigned_elt, Bigarray.c_layout) Bigarray.Array1.t`
// SAFETY: the conversions below are those of this type. To OCaml, an array of integers of
// 8 bits, or one with Fortran's layout, has another type. If such an array is read as
// this type, its elements are bytes too.
unsafe impl OcamlType for Buffer {
    const TYPE: Type =
        Type::named("(char, Bigarray.int8_unsigned_elt, Bigarray.c_layout) Bigarray.Array1.t");
}

impl FromOcaml for Buffer {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let bytes = Bytes::of(value)
            .ok_or_else(|| mismatch("Lwt_bytes.t, an array of bytes of Bigarray"))?;
        Ok(Buffer {
            root: Root::new(value),
            bytes,
        })
    }
}

// SAFETY: the value was read as one of this type, or was made as one.
unsafe impl IntoOcaml for Buffer {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.root.get(lock))
    }
}
