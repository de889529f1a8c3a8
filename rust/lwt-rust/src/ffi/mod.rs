//! All code that touches OCaml's memory or its runtime.
//!
//! The rest of the crate uses the types of this folder. Its own unsafe code has one of
//! three reasons: it declares a stub (`symbols`, `call.rs`, `bindings`), it calls the
//! system (`fork.rs`, `runtime`), or it manages memory of Rust (`executor/waker.rs` and
//! `spare.rs`). The types are:
//!
//! - [`Lock`] proves that the calling thread holds its domain's lock. It is
//!   lent to a closure, so it cannot cross an `.await`.
//! - [`Val`] is a value that lives as long as a loan of the lock. Allocation borrows the
//!   lock mutably, so no `Val` outlives a collection.
//! - [`Root`] keeps a value alive and follows it when it moves.
//! - `boundary` is the one way in from OCaml.

mod bigarray;
mod bottom;
mod boundary;
mod copy;
mod custom;
#[cfg(all(target_os = "linux", target_env = "gnu", not(tsan)))]
mod handlers;
mod lock;
mod notification;
mod orphans;
mod root;
mod thread;
mod value;

pub(crate) use bigarray::Bytes;
pub use boundary::Raw;
pub(crate) use boundary::{Status, act, enter, hold, keep, observe, returned, stub, tell};
pub(crate) use custom::{Content, content_of, content_value, promise_of, promise_value};
pub use lock::{Lock, try_with_lock, with_lock};
pub(crate) use notification::{has_signals, notify};
pub(crate) use orphans::keep_orphans;
pub use root::Root;
pub(crate) use thread::{
    ThreadNumber, begin_turn, domain, enter_tokio, executor, executor_at_hand, executor_of_task,
    is_called_by_rust, is_woken, set_executor, this_thread,
};
pub use value::Val;
