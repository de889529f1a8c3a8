//! How OCaml answers the waits of a domain.

use lwt_rust_core::Ticket;

use super::{
    Handle,
    actions::Awaited,
    here::here,
    waits::{Begun, Outcome},
};
use crate::{
    fork,
    ocaml::{Lock, Val, try_with_lock},
};

/// Notes the promise that OCaml was asked for, on a thread of the domain that asked.
/// Returns the answer to OCaml.
pub(crate) fn promised(number: u64, awaited: Awaited) -> Begun {
    let wait = Ticket::from_bits(number);
    match here() {
        // While this thread adds a callback, the loop may settle the promise.
        Some(executor) if executor.is_beside_the_loop() => Begun::ForTheLoop,
        Some(executor) if wait != Ticket::NOTHING => executor.waits().promised(wait, awaited),
        // Nobody awaits the promise, or this is a forked child, where no task does.
        _ => Begun::Detached,
    }
}

/// Settles the wait of this number. Returns the actions that are left for OCaml.
///
/// `is_here` says that the wait belongs to the domain of the calling thread. Otherwise it
/// belongs to the domain of the Lwt loop, and the caller is the thread that settled the Lwt
/// promise. Lwt asks for that to be a thread of the same domain, but it may be another one.
pub(crate) fn settle(lock: &mut Lock, number: u64, outcome: Outcome, is_here: bool) -> Val<'_> {
    if fork::happened() {
        // The task that waited has stayed in the parent process.
        return Val::UNIT;
    }
    let ticket = Ticket::from_bits(number);
    match here().filter(|executor| is_here || executor.is_of_lwt()) {
        Some(executor) => {
            let before = executor.actions_left();
            match executor.waits().settle(lock, ticket, outcome) {
                Some(task) => executor.run_now_if_here(lock, task),
                // This may have woken a spawned task.
                None => executor.run_spawned_now(lock),
            }
            executor.hand_over_own(lock, before)
        }
        None => {
            settle_from_elsewhere(ticket, outcome);
            Val::UNIT
        }
    }
}

#[cold]
fn settle_from_elsewhere(ticket: Ticket, outcome: Outcome) {
    let Some(handle) = Handle::of_lwt() else {
        return;
    };
    let settle = async move {
        if let Some(executor) = handle.executor_here() {
            let settle = |lock: &mut Lock| executor.waits().settle(lock, ticket, outcome);
            if let Some(task) = try_with_lock(settle).flatten() {
                executor.make_runnable(task);
            }
        }
    };
    handle.run_there(settle);
}
