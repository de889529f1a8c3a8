//! The state of one thread towards OCaml: whether it may use OCaml values, and which
//! executor it has.
//!
//! The state has no destructor, so it can be read at any moment of a thread's life. A
//! finaliser or a waker may run on a thread of which nothing is known; it sees the
//! initial state there.

use std::{
    cell::Cell,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use ocaml::sys;
use tokio::runtime::EnterGuard;

use super::value::Val;
use crate::{
    executor::{DomainExecutor, Shared},
    fork,
};

/// Whether the Rust code that runs on this thread now may use OCaml values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
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
    /// The executor of this thread's domain, once a call has asked for it.
    executor: Cell<Option<&'static DomainExecutor>>,
    /// Whether OCaml knows that this thread's domain has used Rust.
    is_known: Cell<bool>,
    /// The number of calls from Rust to OCaml that are under way.
    calls: Cell<usize>,
    /// Whether tokio's context was entered for good.
    is_in_tokio: Cell<bool>,
    /// 0 until somebody asks for it.
    number: Cell<u64>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            access: Cell::new(Access::Outside),
            executor: Cell::new(None),
            is_known: Cell::new(false),
            calls: Cell::new(0),
            is_in_tokio: Cell::new(false),
            number: Cell::new(0),
        }
    };
}

/// Names a thread. No other thread of the process ever has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadNumber(u64);

impl ThreadNumber {
    /// The number as an OCaml integer, if it is one.
    pub(crate) fn to_ocaml(self) -> Option<Val<'static>> {
        i64::try_from(self.0).ok().and_then(Val::int)
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

pub(super) fn access() -> Access {
    THREAD.with(|thread| thread.access.get())
}

/// Sets the access of this thread until the guard is dropped.
pub(super) fn set_access(access: Access) -> AccessGuard {
    AccessGuard(THREAD.with(|thread| thread.access.replace(access)))
}

pub(super) struct AccessGuard(Access);

impl Drop for AccessGuard {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.access.set(self.0));
    }
}

/// Marks this thread as calling OCaml until the guard is dropped. During the call other
/// threads may take the lock, and OCaml may call stubs. So the access of the thread is
/// `Outside` meanwhile.
pub(super) fn call_ocaml() -> CallGuard {
    THREAD.with(|thread| {
        thread.calls.set(thread.calls.get() + 1);
        if let Some(executor) = thread.executor.get() {
            executor.before_ocaml();
        }
    });
    CallGuard(set_access(Access::Outside))
}

pub(super) struct CallGuard(#[expect(dead_code, reason = "for its drop")] AccessGuard);

impl Drop for CallGuard {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.calls.set(thread.calls.get() - 1));
    }
}

/// Whether Rust has called the OCaml code that has called the running stub.
pub(crate) fn is_called_by_rust() -> bool {
    THREAD.with(|thread| thread.calls.get() > 0)
}

/// Enters tokio's context on this thread, which runs a stub.
///
/// If the thread is in no other context of tokio, and no call from Rust to OCaml is under
/// way, the thread stays in this context for good: entering takes as long as the rest of
/// a small call. Otherwise it leaves the context when the guard is dropped, since
/// contexts have to be left in the reverse order.
#[inline]
pub(crate) fn enter_tokio(tokio: &tokio::runtime::Handle) -> Option<EnterGuard<'_>> {
    // A Rust function that has called OCaml may have entered one of its own.
    match THREAD.with(|thread| thread.calls.get() == 0 && thread.is_in_tokio.get()) {
        true => None,
        false => enter_tokio_now(tokio),
    }
}

fn enter_tokio_now(tokio: &tokio::runtime::Handle) -> Option<EnterGuard<'_>> {
    THREAD.with(|thread| {
        let is_innermost = thread.calls.get() == 0;
        let is_outside = tokio::runtime::Handle::try_current().is_err();
        let guard = tokio.enter();
        if is_innermost && is_outside {
            thread.is_in_tokio.set(true);
            std::mem::forget(guard);
            return None;
        }
        Some(guard)
    })
}

/// Whether OCaml has still to be told that this thread's domain uses Rust.
pub(super) fn is_new() -> bool {
    !THREAD.with(|thread| thread.is_known.get())
}

/// Notes whether OCaml knows that this thread's domain uses Rust.
pub(super) fn set_known(is_known: bool) {
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

/// The executor of this thread's domain, if it was attached to this thread. In a forked
/// child it is `None`.
pub(crate) fn executor() -> Option<&'static DomainExecutor> {
    if fork::happened() {
        return None;
    }
    THREAD.with(|thread| thread.executor.get())
}

/// The executor of this thread's domain, if a task of the domain is running here and has
/// not borrowed the lock.
#[inline]
pub(crate) fn executor_of_task() -> Option<&'static DomainExecutor> {
    let executor = THREAD.with(|thread| match thread.access.get() {
        Access::Free => thread.executor.get(),
        Access::Outside | Access::Taken => None,
    });
    executor.filter(|_| !fork::happened())
}

/// The executor of `shared`, if it belongs to this thread's domain and Rust code with the
/// domain's lock is running here.
pub(crate) fn executor_at_hand(shared: &Shared) -> Option<&'static DomainExecutor> {
    let is_it = |executor: &&DomainExecutor| ptr::eq(executor.shared(), shared);
    THREAD.with(|thread| match thread.access.get() {
        Access::Outside => None,
        Access::Free | Access::Taken => thread.executor.get().filter(is_it),
    })
}

/// Attaches `executor`, which is that of this thread's domain, to the thread.
pub(crate) fn set_executor(executor: &'static DomainExecutor) {
    THREAD.with(|thread| thread.executor.set(Some(executor)));
}

/// `begun` of `lib/raw.ml`: the state that a thread finds when it begins a turn of a Lwt
/// loop.
#[derive(Clone, Copy)]
pub(crate) enum Begun {
    /// There is nothing to do.
    Quiet = 0,
    /// The executor of this thread has to be polled.
    Owed = 1,
    /// No executor that the Lwt loop drives was attached to this thread.
    Unattached = 2,
    /// This process was forked, and the executor stayed in its parent.
    Forked = 3,
}

/// Notes that a Lwt loop begins a turn on this thread.
pub(crate) fn begin_turn() -> Begun {
    if fork::happened() {
        return Begun::Forked;
    }
    match THREAD.with(|thread| thread.executor.get()) {
        Some(executor) if executor.is_of_lwt() => match executor.is_woken() {
            true => Begun::Owed,
            false => Begun::Quiet,
        },
        Some(_) | None => Begun::Unattached,
    }
}

/// Whether the executor of this thread's domain has to be polled.
pub(crate) fn is_woken() -> bool {
    executor().is_some_and(DomainExecutor::is_woken)
}
