//! The executor of the calling thread.
//!
//! The state has no destructor, so it can be read at any moment of a thread's life: also by
//! a finaliser or a waker on a thread of which nothing is known.

use std::{cell::Cell, ptr};

use super::{DomainExecutor, Handle, Shared};
use crate::{
    fork,
    ocaml::{Access, access},
};

thread_local! {
    /// The executor of this thread's domain, once a call has asked for it.
    static EXECUTOR: Cell<Option<&'static DomainExecutor>> = const { Cell::new(None) };
}

thread_local! {
    /// The domain for which this thread reads an OCaml value, if that is not its own.
    static READS_FOR: Cell<Option<Handle>> = const { Cell::new(None) };
}

/// Calls `read`. Promises and closures that it reads belong to the domain of `handle`.
pub(crate) fn read_for<R>(handle: Option<Handle>, read: impl FnOnce() -> R) -> R {
    struct Guard(Option<Handle>);

    impl Drop for Guard {
        fn drop(&mut self) {
            READS_FOR.set(self.0);
        }
    }

    let _guard = Guard(READS_FOR.replace(handle));
    read()
}

/// The domain for which this thread reads an OCaml value, if that is not its own.
pub(super) fn reads_for() -> Option<Handle> {
    READS_FOR.get()
}

/// A number that no other thread has at the same time.
#[inline]
pub(super) fn this_thread() -> usize {
    EXECUTOR.with(|place| ptr::from_ref(place).addr())
}

/// The executor of this thread's domain, if it was attached to this thread. In a forked
/// child it is `None`.
pub(crate) fn here() -> Option<&'static DomainExecutor> {
    if fork::happened() {
        return None;
    }
    EXECUTOR.get()
}

/// The executor of this thread's domain, if a task of the domain is running here and has
/// not borrowed the lock.
#[inline]
pub(crate) fn executor_of_task() -> Option<&'static DomainExecutor> {
    match access() {
        Access::Free => EXECUTOR.get().filter(|_| !fork::happened()),
        Access::Outside | Access::Taken => None,
    }
}

/// The executor of `shared`, if it belongs to this thread's domain and Rust code with the
/// domain's lock is running here.
pub(crate) fn executor_at_hand(shared: &Shared) -> Option<&'static DomainExecutor> {
    let is_it = |executor: &&DomainExecutor| ptr::eq(executor.shared(), shared);
    match access() {
        Access::Outside => None,
        Access::Free | Access::Taken => EXECUTOR.get().filter(is_it),
    }
}

/// Attaches `executor`, which is that of this thread's domain, to the thread.
pub(crate) fn set_executor(executor: &'static DomainExecutor) {
    EXECUTOR.set(Some(executor));
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
#[inline]
pub(crate) fn begin_turn() -> Begun {
    state(|executor| executor.loop_thread.set(this_thread()))
}

/// The same, on a thread that need not be the loop's.
pub(crate) fn look() -> Begun {
    state(|_| ())
}

#[inline(always)]
fn state(note: impl FnOnce(&DomainExecutor)) -> Begun {
    if fork::happened() {
        return Begun::Forked;
    }
    match EXECUTOR.get() {
        Some(executor) if executor.is_of_lwt() => {
            note(executor);
            match executor.is_woken() {
                true => Begun::Owed,
                false => Begun::Quiet,
            }
        }
        Some(_) | None => Begun::Unattached,
    }
}

/// Whether the loop has begun its last turn on this thread.
pub(crate) fn is_thread_of_loop() -> bool {
    here()
        .is_some_and(|executor| executor.is_of_lwt() && executor.loop_thread.get() == this_thread())
}

/// Whether another thread of this thread's domain runs the Lwt loop.
pub(crate) fn is_beside_the_loop() -> bool {
    here().is_some_and(DomainExecutor::is_beside_the_loop)
}

/// Whether the executor of this thread's domain has to be polled.
pub(crate) fn is_woken() -> bool {
    here().is_some_and(DomainExecutor::is_woken)
}
