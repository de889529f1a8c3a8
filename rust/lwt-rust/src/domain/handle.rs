//! The part of an executor that any thread may use.

use std::{
    future::Future,
    io::Write,
    os::unix::net::UnixStream,
    pin::Pin,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use lwt_rust_core::{CatchPanic, Inbox, Park, drop_quietly};
use pin_project_lite::pin_project;

use super::{
    DomainExecutor, Task,
    here::{executor_at_hand, executor_of_task, here, reads_for},
    spawned::Spawned,
    tasks::Request,
    waker::Number,
};
use crate::{
    bound::succeeds, error::Error, fork, lwt_loop::LwtLoop, ocaml::notify, runtime::Suspicion,
};

/// The part of an executor that wakers and handles use. They may live for any time, so it
/// is never freed (rule 12). A later domain may use the executor again, in another *life*.
/// Then the wakers of an earlier life wake it without effect, and the handles of an earlier
/// life spawn nothing.
// Aligned to two cache lines, like `DomainExecutor`, so that two domains do not share one.
#[repr(align(128))]
pub(crate) struct Shared {
    /// Other threads read the gate to spawn; `None` when the executor is closed.
    gate: RwLock<Option<Life>>,
    /// The requests of other threads.
    inbox: Inbox<Request>,
    spawned: Spawned,
    is_closed: AtomicBool,
    park: Park,
    way: Way,
    /// How many times the domain was told to poll.
    notified: AtomicUsize,
    tokio: tokio::runtime::Handle,
    /// The number by which wakers know the executor.
    number: Number,
}

/// Names one of the domains that have used an executor, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(u64);

impl Life {
    pub(super) const FIRST: Life = Life(0);

    pub(super) fn next(self) -> Self {
        Life(self.0 + 1)
    }
}

/// The present life of an executor. Only its domain writes it. A thread whose domain is
/// gone may still read it, if the destructor of a thread-local has kept the executor.
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
    /// By a byte on a socket, which the domain reads when it has nothing to do. The write
    /// does not block: if a byte does not fit, the socket has bytes that wake the domain
    /// anyway.
    Socket(RwLock<Option<UnixStream>>),
}

impl Shared {
    pub(super) fn new(way: Way, tokio: tokio::runtime::Handle) -> &'static Self {
        let number = Number::next();
        let shared: &'static Shared = Box::leak(Box::new(Shared {
            gate: RwLock::new(Some(Life::FIRST)),
            inbox: Inbox::new(),
            spawned: Spawned::new(),
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

    pub(super) fn spawned(&self) -> &Spawned {
        &self.spawned
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

    /// Closes the gate: nothing is spawned from now on.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        gate.take();
    }

    /// Opens the gate again, for another domain, which is told to poll through `told`. The
    /// executor must be closed and disconnected, and not driven by the Lwt loop.
    pub(super) fn reopen(&self, life: Life, told: UnixStream) {
        if let Way::Socket(socket) = &self.way {
            let mut socket = socket.write().unwrap_or_else(PoisonError::into_inner);
            *socket = Some(told);
        }
        self.is_closed.store(false, Ordering::Relaxed);
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        *gate = Some(life);
    }

    /// Leaves the executor woken, and drops the socket. So no wake-up tells the domain to
    /// poll from now on.
    pub(super) fn disconnect(&self) {
        self.park.leave_woken();
        if let Way::Socket(socket) = &self.way {
            let mut socket = socket.write().unwrap_or_else(PoisonError::into_inner);
            let closed = socket.take();
            drop(socket);
            drop(closed);
        }
    }

    /// Records that there is work, and makes sure that the domain polls.
    pub(super) fn wake(&self) {
        if self.park.wake() {
            self.tell();
        }
    }

    /// Records that there is work, and tells the domain to poll, whether or not it was told
    /// before.
    pub(super) fn wake_and_tell(&self) {
        self.park.leave_woken();
        self.tell();
    }

    /// Tells the domain to poll. Any thread may call it.
    pub(crate) fn tell(&self) {
        self.notified.fetch_add(1, Ordering::Relaxed);
        match &self.way {
            Way::Lwt(notification) => notify(*notification),
            Way::Socket(socket) => {
                let socket = socket.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(mut socket) = socket.as_ref() {
                    // If the socket is full, its bytes wake the domain as well.
                    let _ = socket.write(&[0]);
                }
            }
        }
    }
}

impl LwtLoop for Shared {
    fn wake(&self) {
        self.wake();
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

    /// The handle of the domain for which the calling thread reads a value: usually the
    /// domain that the thread belongs to.
    pub(crate) fn of_this_thread() -> Result<Self, Error> {
        if let Some(handle) = reads_for() {
            return Ok(handle);
        }
        match here() {
            Some(executor) => Ok(executor.handle()),
            None => Err(Error::message(
                "a Lwt promise or closure is in a domain that has called no asynchronous Rust \
                 function: call Lwt_rust.Runtime.start () before",
            )),
        }
    }

    /// How many times the domain has been told to poll so far.
    pub(super) fn notifications(self) -> usize {
        self.shared.notified.load(Ordering::Relaxed)
    }

    pub(super) fn shared(self) -> &'static Shared {
        self.shared
    }

    /// Whether the calling thread belongs to the domain and waits in a `block_on`, with
    /// this waker. Then nothing in the domain can go on.
    pub(crate) fn waits_for_itself(self, waker: &Waker, suspicion: &mut Suspicion) -> bool {
        self.shared.waits_for_itself(waker, suspicion)
    }

    /// The executor, if a task of the domain is running on this thread.
    #[inline]
    pub(crate) fn executor_here(self) -> Option<&'static DomainExecutor> {
        let is_it = |executor: &&DomainExecutor| {
            std::ptr::eq(executor.shared, self.shared) && executor.life.get() == self.life
        };
        executor_of_task().filter(is_it)
    }

    /// Spawns a task in the domain. The task runs with the domain's lock held, so it may
    /// use [`with_lock`](crate::with_lock), and with tokio's context entered. Any thread
    /// may call it. Never blocks.
    ///
    /// If the executor is gone, `future` is dropped, and the task gives
    /// [`Error::Abandoned`].
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it. [`Task::detach`] lets it go on.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        if fork::happened() {
            drop_quietly(future);
            return Task::refused(Error::Abandoned);
        }
        let future = succeeds(future);
        if let Some(executor) = self.executor_at_hand() {
            let Some(error) = executor.refuses_tasks() else {
                return Task::spawned(self.shared.spawn(future), self.shared);
            };
            drop_quietly(future);
            return Task::refused(error);
        }
        let gate = self.shared.gate.read();
        let gate = gate.unwrap_or_else(PoisonError::into_inner);
        if *gate == Some(self.life) {
            let task = self.shared.spawn(future);
            if !self.shared.spawned.has_driver() {
                self.shared.inbox.push(Request::Drive);
                self.shared.wake();
            }
            return Task::spawned(task, self.shared);
        }
        drop(gate);
        drop_quietly(future);
        Task::refused(Error::Abandoned)
    }

    /// Runs a future of the library's own in the domain, as a task that no code awaits. Any
    /// thread may call it. The future is dropped if the executor is gone or has too many
    /// tasks.
    pub(crate) fn run_there(self, future: impl Future<Output = ()> + Send + 'static) {
        if fork::happened() {
            return;
        }
        let task = Box::pin(Quiet {
            future: CatchPanic::new(future),
        });
        if let Some(executor) = self.executor_at_hand() {
            // If the task is refused, its future is dropped.
            let _ = executor.spawn_task(task);
            return;
        }
        let gate = self.shared.gate.read();
        let gate = gate.unwrap_or_else(PoisonError::into_inner);
        if *gate == Some(self.life) {
            self.shared.inbox.push(Request::Run(task));
            self.shared.wake();
            return;
        }
        drop(gate);
        drop(task);
    }

    /// The executor, if code of ours runs in its domain on this thread.
    fn executor_at_hand(self) -> Option<&'static DomainExecutor> {
        let executor = executor_at_hand(self.shared);
        executor.filter(|executor| executor.life.get() == self.life)
    }
}

pin_project! {
    /// A future whose panics are forgotten.
    struct Quiet<F> {
        #[pin]
        future: CatchPanic<F>,
    }
}

impl<F: Future<Output = ()>> Future for Quiet<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // The panic hook has reported a panic.
        drop_quietly(ready!(self.project().future.poll(context)));
        Poll::Ready(())
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle(..)")
    }
}
