//! Threads that wait for themselves.
//!
//! For example, a plain function calls a Lwt closure and waits for its promise with
//! `Handle::block_on`. OCaml calls the closure when the function has returned, so the
//! function would wait for ever. tokio has no function that says whether a thread is in
//! `block_on`. But the future in a `block_on` is polled with a waker of a kind that nothing
//! else has.
//!
//! Other crates have a `block_on` too, whose wakers nobody knows. But a thread in one does
//! what no other caller does: whenever its waker is called, it polls the future again,
//! within the same poll of a task or the same call of OCaml's. So a future that is polled
//! with an unknown waker has a [`Suspicion`], which calls that waker a few times.

use std::{
    cell::{Cell, OnceCell as LocalCell},
    future::{Future, poll_fn},
    ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, RawWakerVTable, Waker},
    time::{Duration, Instant},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle};

use crate::{
    error::Error,
    ocaml::{ThreadNumber, this_thread},
};

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
fn is_blocking(waker: &Waker) -> bool {
    let is_it = |kind: &&'static RawWakerVTable| is_of_kind(waker, kind);
    KINDS.get().is_some_and(|kinds| kinds.iter().any(is_it))
}

fn is_of_kind(waker: &Waker, kind: &'static RawWakerVTable) -> bool {
    // The compiler may make several copies of the same table.
    ptr::eq(kind, waker.vtable()) || *kind == *waker.vtable()
}

/// The kind of wakers that spawned tasks have.
static KIND_OF_TASKS: OnceCell<&RawWakerVTable> = OnceCell::new();

/// Notes the kind of wakers that spawned tasks have: a thread that polls with one is in no
/// `block_on`.
pub(crate) fn know_kind_of_task(waker: &Waker) {
    KIND_OF_TASKS.get_or_init(|| waker.vtable());
}

thread_local! {
    /// Counts the polls of tasks, and the calls of OCaml's, on this thread.
    static POLLS: Cell<u32> = const { Cell::new(0) };
    static PROBE: LocalCell<Arc<Probe>> = const { LocalCell::new() };
}

/// Notes that a task is about to be polled on this thread, or that OCaml has called a plain
/// function.
#[inline]
pub(crate) fn begin_poll() {
    POLLS.set(POLLS.get().wrapping_add(1));
}

/// How long a waker is left alone before it is called.
const PATIENCE: Duration = Duration::from_millis(100);

/// How soon after a call of its waker a thread in a `block_on` polls again.
const SOON: Duration = Duration::from_millis(20);

/// After how many calls of its waker a thread is known to be in a `block_on`.
const CALLS: u8 = 3;

/// Calls the last unknown waker of a thread, after a while.
struct Probe {
    is_coming: AtomicBool,
    waker: Mutex<Option<Waker>>,
    /// How many wakers it has called, and when it has called the last one.
    called: Mutex<(u32, Option<Instant>)>,
}

impl Probe {
    fn new() -> Self {
        Probe {
            is_coming: AtomicBool::new(false),
            waker: Mutex::new(None),
            called: Mutex::new((0, None)),
        }
    }

    fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut place = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut place, waker)
    }

    /// How many wakers it has called, and whether it has called the last one just now.
    fn calls(&self) -> (u32, bool) {
        let (calls, last) = *self.called.lock().unwrap_or_else(PoisonError::into_inner);
        (calls, last.is_some_and(|last| last.elapsed() < SOON))
    }

    /// Makes the probe call `waker`, unless it is about to call another one of the thread.
    fn begin(self: &Arc<Self>, waker: &Waker, tokio: &Handle) {
        drop_quietly(self.replace(Some(waker.clone())));
        if self.is_coming.swap(true, Ordering::AcqRel) {
            return;
        }
        let probe = self.clone();
        tokio.spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            probe.is_coming.store(false, Ordering::Release);
            if let Some(waker) = probe.replace(None) {
                let mut called = probe.called.lock().unwrap_or_else(PoisonError::into_inner);
                *called = (called.0.wrapping_add(1), Some(Instant::now()));
                drop(called);
                waker.wake();
            }
        });
    }
}

/// Whether a thread of a domain blocks on a future.
#[derive(Clone, Copy, Default)]
pub(crate) struct Suspicion {
    /// The poll in which the future was first polled with an unknown waker: the number of the
    /// thread, and that of the poll on this thread.
    poll: Option<(ThreadNumber, u32)>,
    /// How many wakers the probe of the thread had called at the last poll.
    called: u32,
    /// How many calls of the waker were each followed by one poll, and soon.
    polls: u8,
    /// The future was polled again in another poll of a task. Nothing blocks on it.
    is_acquitted: bool,
}

impl Suspicion {
    /// Whether the thread that has polled the future with this waker, just now and in vain,
    /// blocks on it. The thread holds the lock of a domain, and the waker is not that of a
    /// call.
    #[cold]
    pub(crate) fn is_confirmed(&mut self, waker: &Waker) -> bool {
        if KIND_OF_TASKS
            .get()
            .is_some_and(|kind| is_of_kind(waker, kind))
        {
            return false;
        }
        if is_blocking(waker) {
            return true;
        }
        // Code that only looks whether a future is ready blocks on nothing.
        if self.is_acquitted || waker.will_wake(Waker::noop()) {
            return false;
        }
        let Some(tokio) = super::started() else {
            return false;
        };
        // The thread may be about to end.
        let probed = PROBE.try_with(|probe| {
            let probe = probe.get_or_init(|| Arc::new(Probe::new()));
            self.note(probe, (this_thread(), POLLS.get()));
            if self.polls < CALLS && !self.is_acquitted {
                probe.begin(waker, tokio);
            }
        });
        probed.is_ok() && self.polls == CALLS
    }

    /// Notes a poll in vain.
    fn note(&mut self, probe: &Probe, poll: (ThreadNumber, u32)) {
        let (called, is_soon) = probe.calls();
        match self.poll {
            None => self.poll = Some(poll),
            Some(first) if first != poll => self.is_acquitted = true,
            // Other code has made the thread poll.
            Some(_) if called == self.called || !is_soon => self.polls = 0,
            Some(_) => self.polls += 1,
        }
        self.called = called;
    }
}

/// The error that says why a thread of a domain cannot wait for this.
#[cold]
pub(crate) fn waits_for_itself() -> Error {
    Error::message(
        "this thread would wait for itself, in a block_on: it runs the OCaml code and the \
         tasks of its domain, and goes on with them when the Rust function returns. Make the \
         function async, and await the promise; or let it block on another thread, with \
         #[lwt_rust::func(blocking)]",
    )
}
