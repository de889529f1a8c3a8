//! The waker of the first poll of a call.

use std::{
    cell::Cell,
    ptr,
    task::{RawWaker, RawWakerVTable, Waker},
};

thread_local! {
    /// Whether a first waker was used on this thread since this was last read or reset.
    static FIRST_IS_WOKEN: Cell<bool> = const { Cell::new(false) };
}

static FIRST_VTABLE: RawWakerVTable = RawWakerVTable::new(
    |_| RawWaker::new(ptr::null(), &FIRST_VTABLE),
    |_| FIRST_IS_WOKEN.set(true),
    |_| FIRST_IS_WOKEN.set(true),
    |_| (),
);

/// The waker of the first poll of a call, which has no task yet. A second poll with the
/// task's own waker follows. So this waker only notes whether the future has woken itself,
/// in which case the future wants the second poll to come later.
pub(super) fn first() -> Waker {
    FIRST_IS_WOKEN.set(false);
    // SAFETY: the functions of the table take any data, which they never follow, on any
    // thread; there is nothing to free.
    unsafe { Waker::new(ptr::null(), &FIRST_VTABLE) }
}

/// Whether `waker` is the waker of a first poll.
pub(crate) fn is_first(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &FIRST_VTABLE)
}

/// Whether a first waker was used on this thread since this was last called.
pub(super) fn take_first() -> bool {
    FIRST_IS_WOKEN.replace(false)
}
