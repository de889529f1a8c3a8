//! Bytes that OCaml and Rust share, and that nobody changes.

use std::{
    fmt,
    ops::{Bound, Deref, RangeBounds},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use lwt_rust_core::Payload;

use super::{Checked, FromOcaml, IntoOcaml, OcamlType, mismatch, read};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Held, Lock, Operations, Root, Val, custom_block, held},
    runtime,
};

/// A value that has bytes.
struct Owner<T: ?Sized> {
    /// Whether OCaml's collector knows how much memory the bytes take.
    is_counted: AtomicBool,
    value: T,
}

/// Bytes that OCaml and Rust share without a copy, and that nobody changes:
/// `Lwt_rust.Bytes.t` in OCaml. The bytes may belong to any value: a vector, a file that is
/// mapped, or, with the feature `bytes` of this crate, the `Bytes` of the crate `bytes`, which
/// converts itself in the same way.
///
/// A clone or a [`slice`](SharedBytes::slice) shares the bytes. The owner is dropped when
/// neither OCaml nor Rust has any of them, by any thread, in tokio's context.
///
/// ```
/// use lwt_rust::{SharedBytes, func};
///
/// /// In OCaml: `val without_header : Lwt_rust.Bytes.t -> Lwt_rust.Bytes.t`
/// #[func]
/// fn without_header(packet: SharedBytes) -> SharedBytes {
///     packet.slice(packet.len().min(8)..)
/// }
/// # lwt_rust::library! { without_header }
/// ```
#[derive(Clone)]
pub struct SharedBytes {
    owner: Arc<Owner<dyn AsRef<[u8]> + Send + Sync>>,
    start: usize,
    length: usize,
}

impl SharedBytes {
    /// The bytes of `owner`.
    pub fn new(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let length = owner.as_ref().len();
        SharedBytes {
            owner: Arc::new(Owner {
                is_counted: AtomicBool::new(false),
                value: owner,
            }),
            start: 0,
            length,
        }
    }

    /// Some of the bytes.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let first = match range.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.length,
        };
        match self.part(first, end.saturating_sub(first)) {
            Some(part) if first <= end => part,
            _ => panic!("{} bytes have no part {first}..{end}", self.length),
        }
    }

    /// The bytes from position `start` on; `None` if there are not so many.
    fn part(&self, start: usize, length: usize) -> Option<Self> {
        let is_there = start <= self.length && length <= self.length - start;
        is_there.then(|| SharedBytes {
            owner: self.owner.clone(),
            start: self.start + start,
            length,
        })
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // The owner's `as_ref` may return other bytes each time.
        let bytes = self.owner.value.as_ref();
        &bytes[self.start..self.start + self.length]
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        SharedBytes::new(bytes)
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// All bytes of an owner, in an OCaml block.
struct HeldBytes(SharedBytes);

// SAFETY: the static is in this function, for this type.
unsafe impl Held for HeldBytes {
    fn operations() -> &'static Operations {
        static BYTES: Operations = Operations::of::<HeldBytes>(c"lwt_rust.bytes");
        &BYTES
    }

    fn end(self) {
        runtime::in_context(|| drop(self));
    }

    fn end_panicked(payload: Payload) {
        runtime::panicked_in_finaliser(payload);
    }
}

/// The `shared` of `lib/raw.ml` that has these bytes.
pub(crate) fn shared_into_ocaml(bytes: SharedBytes, lock: &mut Lock) -> Val<'_> {
    let is_counted = bytes.owner.is_counted.swap(true, Ordering::Relaxed);
    let size = (!is_counted).then_some(bytes.length);
    custom_block(lock, HeldBytes(bytes), size)
}

/// A part of the bytes of a `shared` of `lib/raw.ml`.
///
/// # Errors
///
/// If it is none, or has not so many bytes.
pub(crate) fn part_of_shared(
    shared: Val<'_>,
    start: Val<'_>,
    length: Val<'_>,
) -> Result<SharedBytes, Error> {
    let (start, length) = (read::<usize>(start)?, read::<usize>(length)?);
    held::<HeldBytes>(shared)
        .and_then(|held| held.0.part(start, length))
        .ok_or_else(|| mismatch("Lwt_rust.Bytes.t"))
}

/// `Lwt_rust.Bytes.t`
// SAFETY: the conversions below are those of this type, a record of `lib/shared_bytes.ml`.
unsafe impl OcamlType for SharedBytes {
    const TYPE: Type = Type::named("Lwt_rust.Bytes.t");
}

impl FromOcaml for SharedBytes {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let fields = (value.tag() == Some(0))
            .then(|| Some([value.field(0)?, value.field(1)?, value.field(2)?]))
            .flatten();
        let [shared, start, length] = fields.ok_or_else(|| mismatch("Lwt_rust.Bytes.t"))?;
        part_of_shared(shared, start, length)
    }
}

// SAFETY: `from_ocaml` looks at the fields of a record, and finds out whether they are what it
// needs.
unsafe impl Checked for SharedBytes {}

// SAFETY: it is a record of `lib/shared_bytes.ml`.
unsafe impl IntoOcaml for SharedBytes {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let length = self.length;
        let shared = Root::new(shared_into_ocaml(self, lock));
        let start = super::root(0, lock)?;
        let length = super::root(length, lock)?;
        Ok(lock.block(0, &[&shared, &start, &length]))
    }
}

#[cfg(feature = "bytes")]
mod of_the_crate {
    use bytes::Bytes;

    use super::*;

    impl From<Bytes> for SharedBytes {
        fn from(bytes: Bytes) -> Self {
            SharedBytes::new(bytes)
        }
    }

    impl From<SharedBytes> for Bytes {
        fn from(bytes: SharedBytes) -> Self {
            Bytes::from_owner(bytes)
        }
    }

    /// `Lwt_rust.Bytes.t`, with the feature `bytes`
    // SAFETY: the conversions below are those of `SharedBytes`.
    unsafe impl OcamlType for Bytes {
        const TYPE: Type = SharedBytes::TYPE;
    }

    impl FromOcaml for Bytes {
        unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
            // SAFETY: the caller promises it.
            unsafe { SharedBytes::from_ocaml(value) }.map(Bytes::from)
        }
    }

    // SAFETY: it is what `SharedBytes` makes.
    unsafe impl IntoOcaml for Bytes {
        fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
            SharedBytes::from(self).into_ocaml(lock)
        }
    }
}
