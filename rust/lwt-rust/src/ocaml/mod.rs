//! The ground floor: OCaml's memory and runtime.
//!
//! It imports nothing of the floors above. Its types make the rest of the crate safe:
//!
//! - [`Lock`] proves that the calling thread holds its domain's lock. It is
//!   lent to a closure, so it cannot cross an `.await`.
//! - [`Val`] is a value that lives as long as a loan of the lock. Allocation borrows the
//!   lock mutably, so no `Val` outlives a collection.
//! - [`Root`] keeps a value alive and follows it when it moves.
//!
//! The unsafe code of other files has one of four reasons. It lets OCaml in (`stub.rs`), or
//! declares a stub (`symbols`, `call.rs`, `expansion.rs`). It calls the system (`fork.rs`,
//! `runtime`). Or it manages memory of Rust (`domain/waker.rs` and `spare.rs`).

mod access;
mod bigarray;
mod bottom;
mod copy;
mod custom;
#[cfg(all(target_os = "linux", target_env = "gnu", not(tsan)))]
mod handlers;
mod integers;
mod lock;
mod notification;
mod orphans;
mod root;
mod value;

pub(crate) use access::{
    Access, ThreadNumber, access, domain, is_called_by_rust, is_new, set_access, set_known,
    this_thread,
};
pub(crate) use bigarray::Bytes;
pub(crate) use bottom::at_bottom;
pub(crate) use custom::{Held, Operations, custom_block, held};
pub(crate) use integers::BoxedInteger;
pub(crate) use lock::Raised;
pub use lock::{Lock, NoMemory, try_with_lock, with_lock};
pub(crate) use notification::{has_signals, notify};
pub(crate) use orphans::keep_orphans;
pub use root::Root;
pub use value::Val;
