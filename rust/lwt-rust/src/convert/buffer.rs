//! Memory that OCaml and Rust share.

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch};
use crate::{
    bindings::Type,
    error::Error,
    ffi::{Bytes, Lock, Root, Val},
};

/// An OCaml array of bytes that never moves, `Lwt_bytes.t`: Rust and OCaml read
/// and write the same memory, without a copy. It may be sent anywhere, and the
/// memory lives as long as it does. An array that is a file (`Lwt_bytes.map_file`) is
/// one as well; as in OCaml, a file that somebody has cut off ends the process with
/// `SIGBUS` when it is read.
///
/// OCaml, and other threads with the same buffer, may write it at any time. So the safe
/// methods copy bytes, as fast as `memcpy`; of a byte that is written meanwhile they
/// see the old value or the new one. [`as_ptr`](Buffer::as_ptr) is for the rest.
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
        // SAFETY: it was made just now, of this type.
        unsafe { Self::from_ocaml(root.get(lock)) }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first byte. The memory may be used as long as the buffer is there, by
    /// whoever sees to it that nobody writes what another one reads.
    pub fn as_ptr(&self) -> *mut u8 {
        self.bytes.as_ptr()
    }

    /// Copies bytes out, from position `start` on, as many as `into` has.
    ///
    /// # Panics
    ///
    /// If the buffer ends before that.
    pub fn read(&self, start: usize, into: &mut [u8]) {
        self.bytes.read(start, into);
    }

    /// Copies bytes in, from position `start` on.
    ///
    /// # Panics
    ///
    /// If the buffer ends before that.
    pub fn write(&self, start: usize, from: &[u8]) {
        self.bytes.write(start, from);
    }

    /// A copy of all of it.
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }
}

/// `(char, Bigarray.int8_unsigned_elt, Bigarray.c_layout) Bigarray.Array1.t`
// SAFETY: the conversions below are those of this type. OCaml treats an array of
// integers of 8 bits, or of Fortran's layout, as another type; read as this one, it is
// bytes.
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

// SAFETY: it is a value that was read as one of this type, or was made as one.
unsafe impl IntoOcaml for Buffer {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.root.get(lock))
    }
}
