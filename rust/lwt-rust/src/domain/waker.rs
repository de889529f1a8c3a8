//! The wakers of tasks, which are numbers.
//!
//! A waker names an executor and a slot of its tasks. It owns nothing, so any thread makes,
//! clones and drops it at no cost. A waker may outlive its task. Then it wakes the task
//! that has the slot by now, which does no harm: a future may be polled without a reason.

use std::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
    task::{RawWaker, RawWakerVTable, Waker},
};

use once_cell::sync::OnceCell;

use super::{Shared, slots::TaskSlot};

/// The number of an executor. They begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(usize);

/// The bits that a slot has in a waker: [`Slots`](lwt_rust_core::Slots) has no more.
const SLOT_BITS: u32 = 24;

// The number of an executor has the other bits.
const _: () = assert!(usize::BITS == 64);

/// The executors by their numbers. They are never freed, so there may be many. The table
/// grows by chunks, each twice as large as the one before.
static EXECUTORS: [OnceCell<Box<[OnceCell<&'static Shared>]>>; 32] =
    [const { OnceCell::new() }; 32];

impl Number {
    pub(super) fn next() -> Self {
        static LAST: AtomicUsize = AtomicUsize::new(0);
        Number(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn place(self) -> Option<(usize, usize)> {
        let chunk = self.0.checked_ilog2()?;
        Some((chunk as usize, self.0 - (1 << chunk)))
    }

    /// Makes wakers of this number wake `shared` from now on.
    pub(super) fn is_of(self, shared: &'static Shared) {
        if let Some((chunk, index)) = self.place() {
            let chunk =
                EXECUTORS[chunk].get_or_init(|| (0..1 << chunk).map(|_| OnceCell::new()).collect());
            let _ = chunk[index].set(shared);
        }
    }

    fn executor(self) -> Option<&'static Shared> {
        let (chunk, index) = self.place()?;
        EXECUTORS.get(chunk)?.get()?.get(index)?.get().copied()
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, drop);

fn clone(data: *const ()) -> RawWaker {
    RawWaker::new(data, &VTABLE)
}

fn wake(data: *const ()) {
    let (number, slot) = parts(data);
    if let Some(executor) = number.executor() {
        executor.wake_task(slot);
    }
}

fn drop(_: *const ()) {}

fn parts(data: *const ()) -> (Number, TaskSlot) {
    let bits = data.addr();
    (
        Number(bits >> SLOT_BITS),
        TaskSlot(bits & ((1 << SLOT_BITS) - 1)),
    )
}

/// The waker of the task in a slot.
#[inline]
pub(super) fn waker(number: Number, slot: TaskSlot) -> Waker {
    let data = ptr::without_provenance((number.0 << SLOT_BITS) | slot.0);
    // SAFETY: the functions of the table take any data, which they never follow, on
    // any thread; there is nothing to free.
    unsafe { Waker::new(data, &VTABLE) }
}

/// The slot that `waker` wakes, if that is one of the executor's.
#[inline]
pub(super) fn slot_of(number: Number, waker: &Waker) -> Option<TaskSlot> {
    let (its, slot) = parts(waker.data());
    (ptr::eq(waker.vtable(), &VTABLE) && its == number).then_some(slot)
}
