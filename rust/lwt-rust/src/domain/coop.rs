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
    future::poll_fn,
    mem::ManuallyDrop,
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use tokio::{
    runtime::Handle,
    task::coop::{RestoreOnPending, has_budget_remaining, poll_proceed},
};

use crate::ocaml;

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
pub(super) fn begin(tokio: &Handle) {
    match POLLS_LEFT.get() {
        left @ 1.. if !is_spent() => POLLS_LEFT.set(left - 1),
        _ => begin_again(tokio),
    }
}

#[cold]
fn begin_again(tokio: &Handle) {
    POLLS_LEFT.set(most_polls());
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
        // This does not happen: the budget was whole just now.
        Poll::Pending => Budget::Refused,
    }
}

/// Gets the first whole budget of a thread from tokio's `block_on`, which gives one to its
/// future. tokio refuses `block_on` where one of its runtimes is running already, below a
/// Rust function that has called OCaml.
fn begin_first(tokio: &Handle) {
    if ocaml::is_called_by_rust() {
        POLLS_LEFT.set(0);
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
