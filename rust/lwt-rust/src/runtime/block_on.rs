//! Threads that wait for themselves.
//!
//! For example, a plain function calls a Lwt closure and waits for its promise with
//! `Handle::block_on`. The closure is called when the function has returned, so that
//! would be for ever. tokio has no function that says whether a thread is in `block_on`,
//! but what is polled there has a waker of a kind that nothing else has.

use std::{
    future::{Future, poll_fn},
    ptr,
    task::{Context, Poll, RawWakerVTable, Waker},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use once_cell::sync::OnceCell;
use tokio::runtime::Builder;

use crate::error::Error;

/// The kinds of the wakers: of most runtimes and handles, and of runtimes that have one
/// thread.
static KINDS: OnceCell<[&'static RawWakerVTable; 2]> = OnceCell::new();

/// Finds out which wakers `block_on` has. For a thread that is in no runtime.
pub(super) fn learn() {
    let learned = catch_panic(|| {
        KINDS.get_or_try_init(|| {
            let runtime = Builder::new_current_thread().build()?;
            Ok::<_, std::io::Error>([runtime.handle().block_on(kind()), runtime.block_on(kind())])
        })
    });
    // If the system has no memory for it, blocked threads are not told.
    if let Err(payload) = learned {
        drop_quietly(payload);
    }
}

fn kind() -> impl Future<Output = &'static RawWakerVTable> {
    poll_fn(|context: &mut Context<'_>| Poll::Ready(context.waker().vtable()))
}

/// Whether the calling thread is in a `block_on` of tokio's, if it polls something with
/// this waker.
#[cold]
pub(crate) fn is_blocking(waker: &Waker) -> bool {
    let kind = waker.vtable();
    // A compiler may make several of the same.
    let is_it = |&known: &&'static RawWakerVTable| ptr::eq(known, kind) || *known == *kind;
    KINDS.get().is_some_and(|kinds| kinds.iter().any(is_it))
}

/// Why a thread of a domain cannot wait for this.
#[cold]
pub(crate) fn waits_for_itself() -> Error {
    Error::message(
        "this thread would wait for itself, in tokio's block_on: it runs the OCaml code and the \
         tasks of its domain, and goes on with them when the Rust function returns. Make the \
         function async, and await the promise; or let it block on another thread, with \
         #[lwt_rust::func(blocking)]",
    )
}
