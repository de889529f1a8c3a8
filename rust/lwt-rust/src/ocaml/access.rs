//! The state of one thread towards OCaml: whether it may use OCaml values.
//!
//! The state has no destructor, so it can be read at any moment of a thread's life. A
//! finaliser or a waker may run on a thread of which nothing is known; it sees the
//! initial state there.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use ocaml::sys;

use crate::fork;

/// Whether the Rust code that runs on this thread now may use OCaml values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing is known: OCaml code runs here, or OCaml has never called a stub on this
    /// thread.
    Outside,
    /// Rust code that OCaml has called runs here, and no code has borrowed the lock: it
    /// may be lent.
    Free,
    /// As `Free`, but some code has borrowed the lock.
    Taken,
}

struct Thread {
    access: Cell<Access>,
    /// Whether OCaml knows that this thread's domain has used Rust.
    is_known: Cell<bool>,
    /// The number of calls from Rust to OCaml that are under way.
    calls: Cell<usize>,
    /// 0 until somebody asks for it.
    number: Cell<u64>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            access: Cell::new(Access::Outside),
            is_known: Cell::new(false),
            calls: Cell::new(0),
            number: Cell::new(0),
        }
    };
}

/// Names a thread. No other thread of the process ever has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadNumber(u64);

impl ThreadNumber {
    /// The number as an integer.
    pub(crate) fn to_int(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }
}

/// The number of the calling thread.
#[inline]
pub(crate) fn this_thread() -> ThreadNumber {
    let number = THREAD.with(|thread| thread.number.get());
    ThreadNumber(if number == 0 { number_thread() } else { number })
}

#[cold]
fn number_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    THREAD.with(|thread| thread.number.set(number));
    number
}

pub(crate) fn access() -> Access {
    THREAD.with(|thread| thread.access.get())
}

/// Sets the access of this thread until the guard is dropped.
pub(crate) fn set_access(access: Access) -> AccessGuard {
    AccessGuard(THREAD.with(|thread| thread.access.replace(access)))
}

pub(crate) struct AccessGuard(Access);

impl Drop for AccessGuard {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.access.set(self.0));
    }
}

/// Marks this thread as calling OCaml until the guard is dropped. During the call other
/// threads may take the lock, and OCaml may call stubs. So the access of the thread is
/// `Outside` meanwhile.
pub(crate) fn call_ocaml() -> CallGuard {
    THREAD.with(|thread| {
        thread.calls.set(thread.calls.get() + 1);
    });
    CallGuard(set_access(Access::Outside))
}

pub(crate) struct CallGuard(#[expect(dead_code, reason = "for its drop")] AccessGuard);

impl Drop for CallGuard {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.calls.set(thread.calls.get() - 1));
    }
}

/// Whether Rust has called the OCaml code that has called the running stub.
pub(crate) fn is_called_by_rust() -> bool {
    THREAD.with(|thread| thread.calls.get() > 0)
}

/// Whether OCaml has still to be told that this thread's domain uses Rust.
pub(crate) fn is_new() -> bool {
    !THREAD.with(|thread| thread.is_known.get())
}

/// Notes whether OCaml knows that this thread's domain uses Rust.
pub(crate) fn set_known(is_known: bool) {
    THREAD.with(|thread| thread.is_known.set(is_known));
}

unsafe extern "C" {
    /// A primitive of OCaml's runtime, with this prototype since OCaml 5.0: the number of
    /// the domain, `(Domain.self () :> int)`. It only reads.
    fn caml_ml_domain_id(unit: sys::Value) -> sys::Value;
}

/// The number of this thread's domain, if Rust code with the domain's lock is running here.
#[cold]
pub(crate) fn domain() -> Option<i64> {
    if access() == Access::Outside || fork::happened() {
        return None;
    }
    // SAFETY: the thread holds its domain's lock.
    let number = unsafe { caml_ml_domain_id(sys::UNIT) };
    // SAFETY: it is an integer, and `int_val` only computes.
    Some(unsafe { sys::int_val(number) } as i64)
}
