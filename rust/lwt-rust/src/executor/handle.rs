//! The part of an executor that any thread may use.

use std::{
    future::Future,
    io::Write,
    os::unix::net::UnixStream,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
};

use lwt_rust_core::{Inbox, Park};

use super::{DomainExecutor, Task, registry, task, tasks::Request, waker::Number};
use crate::{
    bound::succeeds,
    error::Error,
    ffi::{self, notify},
    fork, runtime,
};

/// What an executor shares with wakers and handles, which live as long as they
/// like, so it is never freed (rule 12). It may be used again for another domain,
/// in another life: then those of an earlier life wake it for nothing, and spawn
/// nothing.
// As the executor.
#[repr(align(128))]
pub(crate) struct Shared {
    /// For other threads to spawn in; `None` when the executor is closed.
    gate: RwLock<Option<Life>>,
    /// What other threads want of the tasks.
    inbox: Inbox<Request>,
    is_closed: AtomicBool,
    park: Park,
    way: Way,
    /// How many times the domain was told to poll.
    notified: AtomicUsize,
    tokio: tokio::runtime::Handle,
    /// As wakers know it.
    number: Number,
}

/// Which of the domains that have used an executor in turn it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(u64);

impl Life {
    pub(super) const FIRST: Life = Life(0);

    pub(super) fn next(self) -> Self {
        Life(self.0 + 1)
    }
}

/// The life that an executor has now. Its domain writes it. A thread whose domain is gone
/// may read it, when the destructor of a thread-local has kept the executor.
pub(super) struct CurrentLife(AtomicU64);

impl CurrentLife {
    pub(super) fn new(life: Life) -> Self {
        CurrentLife(AtomicU64::new(life.0))
    }

    #[inline]
    pub(super) fn get(&self) -> Life {
        Life(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, life: Life) {
        self.0.store(life.0, Ordering::Relaxed);
    }
}

/// How a domain is told that it has to poll its executor.
pub(crate) enum Way {
    /// By the Lwt_unix notification of this number.
    Lwt(isize),
    /// By a byte on a socket, which the domain reads when it has nothing to do.
    /// It does not block: a byte that does not fit is one too many.
    Socket(RwLock<Option<UnixStream>>),
}

impl Shared {
    pub(super) fn new(way: Way, tokio: tokio::runtime::Handle) -> &'static Self {
        let number = Number::next();
        let shared: &'static Shared = Box::leak(Box::new(Shared {
            gate: RwLock::new(Some(Life::FIRST)),
            inbox: Inbox::new(),
            is_closed: AtomicBool::new(false),
            park: Park::new(),
            way,
            notified: AtomicUsize::new(0),
            tokio,
            number,
        }));
        number.is_of(shared);
        shared
    }

    pub(super) fn number(&self) -> Number {
        self.number
    }

    pub(super) fn park(&self) -> &Park {
        &self.park
    }

    pub(super) fn inbox(&self) -> &Inbox<Request> {
        &self.inbox
    }

    pub(super) fn tokio(&self) -> &tokio::runtime::Handle {
        &self.tokio
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_of_lwt(&self) -> bool {
        matches!(self.way, Way::Lwt(_))
    }

    /// From now on nothing is spawned.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        gate.take();
    }

    /// Opens the gate again, for another domain, which is told through `socket`.
    /// Only for one that was closed and disconnected, and is not driven by Lwt.
    pub(super) fn reopen(&self, life: Life, told: UnixStream) {
        if let Way::Socket(socket) = &self.way {
            let mut socket = socket.write().unwrap_or_else(PoisonError::into_inner);
            *socket = Some(told);
        }
        self.is_closed.store(false, Ordering::Relaxed);
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        *gate = Some(life);
    }

    /// From now on nobody tells the domain anything.
    pub(super) fn disconnect(&self) {
        self.park.leave_woken();
        if let Way::Socket(socket) = &self.way {
            let mut socket = socket.write().unwrap_or_else(PoisonError::into_inner);
            let closed = socket.take();
            drop(socket);
            drop(closed);
        }
    }

    /// Records that there is work, and sees to it that the domain polls.
    pub(super) fn wake(&self) {
        if self.park.wake() {
            self.tell();
        }
    }

    /// Tells the domain to poll. Any thread may call it.
    pub(crate) fn tell(&self) {
        self.notified.fetch_add(1, Ordering::Relaxed);
        match &self.way {
            Way::Lwt(notification) => notify(*notification),
            Way::Socket(socket) => {
                let socket = socket.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(mut socket) = socket.as_ref() {
                    // A full socket wakes as well.
                    let _ = socket.write(&[0]);
                }
            }
        }
    }
}

/// Spawns tasks in a domain, from any thread.
#[derive(Clone, Copy)]
pub struct Handle {
    shared: &'static Shared,
    life: Life,
}

const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Handle>();
};

impl Handle {
    pub(super) fn new(shared: &'static Shared, life: Life) -> Self {
        Handle { shared, life }
    }

    /// The handle of the domain that runs the Lwt loop; `None` before its
    /// executor was made (by the first call of an asynchronous function there,
    /// or by `Lwt_rust.Runtime.start`), and after it was shut down. Any thread
    /// may call it.
    pub fn of_lwt() -> Option<Self> {
        registry::of_lwt()
    }

    /// The handle of the domain this thread belongs to.
    pub(crate) fn of_this_thread() -> Result<Self, Error> {
        match ffi::executor() {
            Some(executor) => Ok(executor.handle()),
            None => Err(Error::message(
                "a Lwt promise or closure is in a domain that has called no asynchronous Rust \
                 function: call Lwt_rust.Runtime.start () before",
            )),
        }
    }

    /// How many times the domain was told to poll so far.
    pub(super) fn notifications(self) -> usize {
        self.shared.notified.load(Ordering::Relaxed)
    }

    pub(super) fn shared(self) -> &'static Shared {
        self.shared
    }

    /// Has the domain poll soon, and with that call OCaml's panic reporter.
    pub(crate) fn wake(self) {
        self.shared.wake();
    }

    /// Whether the calling thread is of the domain and waits, with this waker, in a
    /// `block_on`: then the domain does nothing.
    #[inline(never)]
    pub(crate) fn waits_for_itself(self, waker: &Waker) -> bool {
        ffi::executor_at_hand(self.shared).is_some_and(|executor| {
            executor.slot_of(waker).is_none() && runtime::is_blocking(waker)
        })
    }

    /// The executor, if a task of the domain is running on this thread.
    #[inline]
    pub(crate) fn executor_here(self) -> Option<&'static DomainExecutor> {
        let is_it = |executor: &&DomainExecutor| {
            std::ptr::eq(executor.shared, self.shared) && executor.life.get() == self.life
        };
        DomainExecutor::current().filter(is_it)
    }

    /// Spawns a task in the domain: it runs with the domain's lock held, so it
    /// may use [`with_lock`](crate::with_lock), and with tokio's context
    /// entered. Any thread may call it. Never blocks.
    ///
    /// If the executor is gone, `future` is dropped, and the task gives
    /// [`Error::Abandoned`]. If it has too many tasks (2^24), the task gives the error that
    /// says so.
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it; [`Task::detach`] lets it run on.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        if fork::happened() {
            return Task::abandoned();
        }
        let (task, join) = task::spawned(self.shared, succeeds(future));
        let task = Box::pin(task);
        let here = ffi::executor_at_hand(self.shared);
        if let Some(executor) = here.filter(|executor| executor.life.get() == self.life) {
            return match executor.spawn_task(task) {
                Ok(_) => Task::running(join),
                Err(error) => Task::refused(error),
            };
        }
        let gate = self.shared.gate.read();
        let gate = gate.unwrap_or_else(PoisonError::into_inner);
        if *gate == Some(self.life) {
            self.shared.inbox.push(Request::Spawn(task));
            self.shared.wake();
            return Task::running(join);
        }
        drop(gate);
        Task::abandoned()
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle(..)")
    }
}
