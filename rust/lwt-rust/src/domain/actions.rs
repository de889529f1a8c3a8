//! The actions that Rust leaves for OCaml (rule 18).
//!
//! A user's OCaml code may block, run a loop, call `exit` or perform an effect. So none of
//! it runs above a frame of a task's. For example, a task that calls a Lwt closure leaves
//! an [`Action`] here. When the stub that polled the task returns, it gives OCaml all
//! actions that were left, as a chain of blocks, and OCaml carries them out in order.

use std::sync::Arc;

use lwt_rust_core::Ticket;

use super::function::Function;
use crate::ocaml::{Lock, Root, Val};

/// A request to OCaml. Each is a constructor of `actions` in `lib/raw.ml`.
pub(crate) enum Action {
    /// Calls a Lwt closure. The promise that the closure returns settles the wait.
    Call {
        function: Arc<Function>,
        argument: Root,
        wait: Ticket,
    },
    /// Makes a Lwt promise settle the wait.
    Observe { promise: Root, wait: Ticket },
    /// Cancels a Lwt promise that Rust no longer awaits.
    Cancel(Awaited),
    /// Gives up a Lwt promise that Rust no longer awaits, without cancelling it.
    Forget(Awaited),
    /// Settles the promise of a call, with a value or a `failure`.
    Settle {
        ticket: Ticket,
        result: Result<Root, Root>,
    },
    /// Gives the panics to OCaml's panic handler.
    Report,
}

/// A Lwt promise, as OCaml described it when the wait began.
pub(crate) struct Awaited {
    pub(crate) promise: Root,
    /// Whether `promise` is a pair, whose second half has our callbacks.
    pub(crate) is_removable: bool,
}

/// How OCaml gets the promise of a wait.
pub(crate) enum Ask {
    /// It calls a closure with an argument: the wait is for the promise that the closure
    /// returns.
    Call(Arc<Function>, Root),
    /// The wait is for this promise, which exists already.
    Observe(Root),
}

/// How a chain of actions ends: the constant constructors of `actions`.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Nothing = 0,
    /// Work is left, and OCaml has to make the loop come back for it.
    ComeBack = 1,
}

impl Action {
    /// The block of this action, which points to the chain that follows it.
    #[inline]
    pub(super) fn block<'l>(self, lock: &'l mut Lock, next: &Root) -> Val<'l> {
        let number = |ticket: Ticket| Root::new(Val::from_bits(ticket.to_bits()));
        match self {
            Action::Call {
                function,
                argument,
                wait,
            } => {
                let (closure, context) = (function.closure(), function.context());
                lock.block(0, &[closure, &argument, &number(wait), context, next])
            }
            Action::Observe { promise, wait } => lock.block(2, &[&promise, &number(wait), next]),
            Action::Cancel(awaited) => awaited.block(lock, 3, next),
            Action::Forget(awaited) => awaited.block(lock, 4, next),
            Action::Settle { ticket, result } => {
                let is_value = Root::of_bool(result.is_ok());
                let (Ok(result) | Err(result)) = result;
                lock.block(5, &[&number(ticket), &is_value, &result, next])
            }
            Action::Report => lock.block(6, &[next]),
        }
    }
}

impl Awaited {
    fn block<'l>(&self, lock: &'l mut Lock, tag: u8, next: &Root) -> Val<'l> {
        let is_removable = Root::of_bool(self.is_removable);
        lock.block(tag, &[&self.promise, &is_removable, next])
    }
}
