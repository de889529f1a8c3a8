//! Bytes that OCaml and Rust share.

use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use lwt_rust::{SharedBytes, func};

/// How many `Owner`s there are.
static OWNERS: AtomicI64 = AtomicI64::new(0);

/// How many owners of bytes there are.
#[func]
pub(crate) fn owners() -> i64 {
    OWNERS.load(Ordering::SeqCst)
}

struct Owner(Vec<u8>);

impl Drop for Owner {
    fn drop(&mut self) {
        OWNERS.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Bytes of an owner.
#[func]
pub(crate) fn owned(bytes: Box<[u8]>) -> SharedBytes {
    OWNERS.fetch_add(1, Ordering::SeqCst);
    SharedBytes::new(Owner(bytes.into()))
}

/// The address of the first byte.
#[func]
pub(crate) fn address_of_bytes(bytes: SharedBytes) -> usize {
    bytes.as_ptr() as usize / 2
}

/// The same bytes.
#[func]
pub(crate) fn echo_shared(bytes: SharedBytes) -> SharedBytes {
    bytes
}

/// The same, by way of the crate `bytes`.
#[func]
pub(crate) async fn echo_of_the_crate(bytes: Bytes) -> Bytes {
    tokio::task::yield_now().await;
    bytes
}

/// All but the first and the last.
#[func]
pub(crate) fn inner_bytes(bytes: SharedBytes) -> SharedBytes {
    bytes.slice(1..bytes.len() - 1)
}

/// More than there are.
#[func]
pub(crate) fn slice_to_max(bytes: SharedBytes) -> SharedBytes {
    bytes.slice(0..=usize::MAX)
}

/// An owner whose bytes become fewer.
struct Shrinking(AtomicI64);

impl AsRef<[u8]> for Shrinking {
    fn as_ref(&self) -> &[u8] {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => b"many bytes",
            _ => b"few",
        }
    }
}

/// Bytes that are not there when they are needed.
#[func]
pub(crate) fn shrinking() -> SharedBytes {
    SharedBytes::new(Shrinking(AtomicI64::new(0)))
}
