//! Threads that wait for themselves.
//!
//! For example, a plain function calls a Lwt closure and waits for its promise with
//! `Handle::block_on`. OCaml calls the closure when the function has returned, so the
//! function would wait for ever. tokio has no function that says whether a thread is in
//! `block_on`. But the future in a `block_on` is polled with a waker of a kind that nothing
//! else has.

use std::{
    future::{Future, poll_fn},
    ptr,
    task::{Context, Poll, RawWakerVTable, Waker},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use once_cell::sync::OnceCell;
use tokio::runtime::Builder;

use crate::error::Error;

/// The two kinds of wakers that `block_on` has: one for handles and most runtimes, the
/// other for runtimes with one thread.
static KINDS: OnceCell<[&'static RawWakerVTable; 2]> = OnceCell::new();

/// Finds out which wakers `block_on` has. The calling thread must not be in a runtime.
pub(super) fn learn() {
    let learned = catch_panic(|| {
        KINDS.get_or_try_init(|| {
            let runtime = Builder::new_current_thread().build()?;
            Ok::<_, std::io::Error>([runtime.handle().block_on(kind()), runtime.block_on(kind())])
        })
    });
    // If the system has no memory for that, blocked threads get no error.
    if let Err(payload) = learned {
        drop_quietly(payload);
    }
}

fn kind() -> impl Future<Output = &'static RawWakerVTable> {
    poll_fn(|context: &mut Context<'_>| Poll::Ready(context.waker().vtable()))
}

/// Whether a thread that polls with this waker is in a `block_on` of tokio's.
#[cold]
pub(crate) fn is_blocking(waker: &Waker) -> bool {
    let kind = waker.vtable();
    // The compiler may make several copies of the same table.
    let is_it = |&known: &&'static RawWakerVTable| ptr::eq(known, kind) || *known == *kind;
    KINDS.get().is_some_and(|kinds| kinds.iter().any(is_it))
}

/// The error that says why a thread of a domain cannot wait for this.
#[cold]
pub(crate) fn waits_for_itself() -> Error {
    Error::message(
        "this thread would wait for itself, in tokio's block_on: it runs the OCaml code and the \
         tasks of its domain, and goes on with them when the Rust function returns. Make the \
         function async, and await the promise; or let it block on another thread, with \
         #[lwt_rust::func(blocking)]",
    )
}
