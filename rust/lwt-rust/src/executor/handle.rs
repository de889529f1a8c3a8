//! The part of an executor that any thread may use.

use std::{
    future::Future,
    io::Write,
    os::unix::net::UnixStream,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

use async_executor::Executor;
use lwt_rust_core::Park;

use super::{DomainExecutor, Task, registry, task};
use crate::{
    error::Error,
    ffi::{self, notify, polls_soon},
};

/// What an executor shares with wakers and handles, which live as long as they
/// like, so it is never freed (rule 12).
pub(crate) struct Shared {
    /// For other threads to spawn in; `None` when the executor is closed.
    gate: RwLock<Option<Arc<Executor<'static>>>>,
    /// Set once, by the domain; tasks look at it when they are polled.
    is_closed: AtomicBool,
    park: Park,
    way: Way,
    /// How many times the domain was told to poll.
    notified: AtomicUsize,
    tokio: tokio::runtime::Handle,
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
    pub(super) fn new(
        executor: Arc<Executor<'static>>,
        way: Way,
        tokio: tokio::runtime::Handle,
    ) -> &'static Self {
        Box::leak(Box::new(Shared {
            gate: RwLock::new(Some(executor)),
            is_closed: AtomicBool::new(false),
            park: Park::new(),
            way,
            notified: AtomicUsize::new(0),
            tokio,
        }))
    }

    pub(super) fn park(&self) -> &Park {
        &self.park
    }

    pub(super) fn tokio(&self) -> &tokio::runtime::Handle {
        &self.tokio
    }

    /// Whether the executor is owed a poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.park.is_woken() && !self.is_closed()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    pub(crate) fn is_of_lwt(&self) -> bool {
        matches!(self.way, Way::Lwt(_))
    }

    /// From now on nothing is spawned, and tasks end when they are polled.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        // The domain has another reference: nothing is dropped under the lock.
        gate.take();
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
        if self.park.wake() && !polls_soon(self) {
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
}

/// The executor's own waker: called by async-executor when a task becomes
/// runnable, on the thread that made it so.
struct DomainWaker(&'static Shared);

impl Wake for DomainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

/// Spawns tasks in a domain, from any thread.
#[derive(Clone, Copy)]
pub struct Handle(&'static Shared);

const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Handle>();
};

impl Handle {
    pub(super) fn new(shared: &'static Shared) -> Self {
        Handle(shared)
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
                "this thread belongs to no domain with an executor",
            )),
        }
    }

    /// How many times the domain was told to poll so far.
    pub(super) fn notifications(self) -> usize {
        self.0.notified.load(Ordering::Relaxed)
    }

    pub(super) fn shared(self) -> &'static Shared {
        self.0
    }

    /// Has the domain poll soon, and with that call OCaml's panic reporter.
    pub(crate) fn wake(self) {
        self.0.wake();
    }

    /// The executor, if a task of the domain is running on this thread.
    pub(crate) fn executor_here(self) -> Option<&'static DomainExecutor> {
        DomainExecutor::current().filter(|executor| std::ptr::eq(executor.shared, self.0))
    }

    /// Whether a task of the domain is running on this thread.
    pub(crate) fn is_here(self) -> bool {
        self.executor_here().is_some()
    }

    /// Spawns a task in the domain: it runs with the domain's lock held, so it
    /// may use [`with_lock`](crate::with_lock), and with tokio's context
    /// entered. Any thread may call it. Never blocks.
    ///
    /// If the executor is gone, `future` is dropped, and the task gives
    /// [`Error::Abandoned`].
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it; [`Task::detach`] lets it run on.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let future = task::Tracked::new(self.0, Box::pin(future));
        let gate = self.0.gate.read().unwrap_or_else(PoisonError::into_inner);
        match &*gate {
            Some(executor) => Task::running(executor.spawn(future)),
            None => {
                drop(gate);
                Task::abandoned()
            }
        }
    }

    pub(super) fn waker(self) -> Waker {
        Waker::from(Arc::new(DomainWaker(self.0)))
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle(..)")
    }
}
