//! The budget that tokio gives to a task for one poll.
//!
//! A task that awaits only things that are ready, such as a semaphore that is free or a
//! fast socket, would never end its poll. So tokio gives each poll of its own tasks a
//! budget of 128 such steps. When the budget is spent, the next thing of tokio's that the
//! task awaits says that it is pending, and wakes the task. A [`Promise`](crate::Promise)
//! does the same. The executor, not tokio, polls the tasks of a domain, so the executor has
//! to begin a budget.
//!
//! tokio has no function for that. But the value that [`poll_proceed`] returns remembers
//! the budget of the moment before, and puts it back when the value is dropped. So each
//! thread that polls tasks keeps a value that remembers a whole budget.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    mem::ManuallyDrop,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use tokio::task::{
    LocalSet,
    coop::{RestoreOnPending, has_budget_remaining, poll_proceed},
};

enum Budget {
    /// No budget was needed on this thread so far.
    Unknown,
    /// The value whose drop puts back a whole budget. It is not dropped with the thread,
    /// since tokio's own state may be gone by then.
    Whole(ManuallyDrop<RestoreOnPending>),
    /// tokio does not give a budget: tasks are polled without one.
    Refused,
}

/// The most polls that share a budget. The number varies: otherwise a task that is polled
/// in step with it could get the rest of a budget each time.
fn most_polls() -> u8 {
    thread_local! {
        static RANDOM: Cell<u32> = const { Cell::new(0x9e37_79b9) };
    }
    let mut random = RANDOM.get();
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    RANDOM.set(random);
    8 + (random % 16) as u8
}

thread_local! {
    /// How many more polls share the present budget. Zero if `BUDGET` is unknown.
    static POLLS_LEFT: Cell<u8> = const { Cell::new(0) };
    static BUDGET: Cell<Budget> = const { Cell::new(Budget::Unknown) };
}

/// Makes sure that a task has some budget for its poll, on a thread that holds a domain's
/// lock. A task gets the budget that the one before has left: if that is too little, the
/// task is polled again.
///
/// Some things of tokio's take several steps at once, and give all of them back if the last
/// one is refused: for example, a `tokio::task::coop::cooperative` around a semaphore. So a
/// budget may stay too little for a task for ever, without being spent. Therefore only a few
/// polls share a budget.
#[inline]
pub(super) fn begin() {
    match POLLS_LEFT.get() {
        left @ 1.. if !is_spent() => POLLS_LEFT.set(left - 1),
        _ => begin_again(),
    }
}

#[cold]
fn begin_again() {
    POLLS_LEFT.set(most_polls());
    let whole = match BUDGET.replace(Budget::Refused) {
        Budget::Whole(whole) => Some(whole),
        Budget::Unknown => first_whole().map(ManuallyDrop::new),
        Budget::Refused => None,
    };
    if let Some(whole) = whole {
        drop(ManuallyDrop::into_inner(whole));
        if let Poll::Ready(whole) = poll_proceed(&mut Context::from_waker(Waker::noop())) {
            BUDGET.set(Budget::Whole(ManuallyDrop::new(whole)));
        }
    }
}

/// Gets the first whole budget of a thread from a `LocalSet` of tokio's, which gives one to
/// each of its tasks, on any thread.
fn first_whole() -> Option<RestoreOnPending> {
    let remembered = Rc::new(Cell::new(None));
    let whole = catch_panic(|| {
        let tasks = LocalSet::new();
        let found = remembered.clone();
        tasks.spawn_local(async move {
            found.set(Some(poll_fn(poll_proceed).await));
        });
        pin!(tasks).poll(&mut Context::from_waker(Waker::noop()))
    });
    if let Err(payload) = whole {
        drop_quietly(payload);
    }
    remembered.take()
}

/// Calls `f`, which calls OCaml. OCaml may call Rust again, and a call begins with a budget;
/// the caller goes on with its own.
pub(crate) fn keep_budget<R>(f: impl FnOnce() -> R) -> R {
    let step = || poll_proceed(&mut Context::from_waker(Waker::noop()));
    let before = step();
    let result = f();
    match before {
        // Dropping it restores the budget.
        Poll::Ready(before) => drop(before),
        Poll::Pending => {
            while let Poll::Ready(more) = step() {
                more.made_progress();
            }
        }
    }
    result
}

/// Whether the poll that has just ended has spent the budget.
#[inline]
pub(super) fn is_spent() -> bool {
    !has_budget_remaining()
}
