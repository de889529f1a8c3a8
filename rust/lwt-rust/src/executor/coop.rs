//! The budget that tokio gives to a task for one poll.
//!
//! A task that awaits only things that are ready, such as a semaphore that is free or a
//! fast socket, would never end its poll. So tokio gives each poll of its own tasks a
//! budget of 128 such steps; when it is spent, whatever of tokio's is awaited next says
//! that it is pending, and wakes the task. A [`Promise`](crate::Promise) does the same.
//! Tasks of a domain are polled by us, so it is for us to begin a budget.
//!
//! tokio has no function for that. But what its [`poll_proceed`] gives remembers the
//! budget as it was, and puts it back when it is dropped. So each thread that polls
//! tasks keeps one that remembers a whole budget.

use std::{
    cell::Cell,
    future::poll_fn,
    mem::ManuallyDrop,
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use tokio::{
    runtime::Handle,
    task::coop::{RestoreOnPending, has_budget_remaining, poll_proceed},
};

use crate::ffi;

enum Budget {
    /// Nobody has asked for one on this thread.
    Unknown,
    /// What gives back a whole budget. It is not dropped with the thread, when tokio's
    /// own state may be gone.
    Whole(ManuallyDrop<RestoreOnPending>),
    /// tokio does not give one: tasks are polled without.
    Refused,
}

thread_local! {
    /// Whether `BUDGET` is known.
    static HAS_BEGUN: Cell<bool> = const { Cell::new(false) };
    static BUDGET: Cell<Budget> = const { Cell::new(Budget::Unknown) };
}

/// Sees to it that there is some budget for the poll of a task, on a thread that holds a
/// domain's lock. What one task leaves is for the next: one that finds little of it is
/// polled once more.
#[inline]
pub(super) fn begin(tokio: &Handle) {
    if !HAS_BEGUN.get() || is_spent() {
        begin_again(tokio);
    }
}

#[cold]
fn begin_again(tokio: &Handle) {
    HAS_BEGUN.set(true);
    match BUDGET.replace(Budget::Refused) {
        Budget::Whole(whole) => {
            drop(ManuallyDrop::into_inner(whole));
            BUDGET.set(remembered(poll_proceed(&mut Context::from_waker(
                Waker::noop(),
            ))));
        }
        Budget::Unknown => begin_first(tokio),
        Budget::Refused => {}
    }
}

fn remembered(budget: Poll<RestoreOnPending>) -> Budget {
    match budget {
        Poll::Ready(whole) => Budget::Whole(ManuallyDrop::new(whole)),
        // It was whole just now.
        Poll::Pending => Budget::Refused,
    }
}

/// tokio gives a budget to what it blocks on. It refuses to where a runtime of its own
/// is running already, below a Rust function that has called OCaml.
fn begin_first(tokio: &Handle) {
    if ffi::is_called_by_rust() {
        HAS_BEGUN.set(false);
        return BUDGET.set(Budget::Unknown);
    }
    let whole =
        catch_panic(|| tokio.block_on(poll_fn(|context| Poll::Ready(poll_proceed(context)))));
    match whole {
        Ok(budget) => {
            BUDGET.set(remembered(budget));
            begin_again(tokio);
        }
        Err(payload) => drop_quietly(payload),
    }
}

/// Whether a task has spent the budget, in the poll that has just ended.
#[inline]
pub(super) fn is_spent() -> bool {
    !has_budget_remaining()
}
