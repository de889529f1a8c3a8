//! The part of an executor that any thread may use.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

use async_executor::{Executor, Task};
use lwt_rust_core::Park;

use super::DomainExecutor;
use crate::{
    error::Error,
    ffi::{self, notify, polls_soon},
};

/// What an executor shares with wakers and handles, which live as long as they
/// like, so it is never freed (rule 12).
pub(crate) struct Shared {
    executor: Executor<'static>,
    park: Park,
    /// The Lwt_unix notification whose handler polls the executor.
    notification: isize,
    /// How many times the notification was sent.
    notified: AtomicUsize,
    tokio: tokio::runtime::Handle,
}

impl Shared {
    pub(super) fn new(notification: isize, tokio: tokio::runtime::Handle) -> &'static Self {
        Box::leak(Box::new(Shared {
            executor: Executor::new(),
            park: Park::new(),
            notification,
            notified: AtomicUsize::new(0),
            tokio,
        }))
    }

    pub(super) fn executor(&self) -> &Executor<'static> {
        &self.executor
    }

    pub(super) fn park(&self) -> &Park {
        &self.park
    }

    pub(super) fn tokio(&self) -> &tokio::runtime::Handle {
        &self.tokio
    }

    /// Whether the executor is owed a poll.
    pub(crate) fn is_woken(&self) -> bool {
        self.park.is_woken()
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
        let DomainWaker(shared) = **self;
        if shared.park.wake() && !polls_soon(shared) {
            shared.notified.fetch_add(1, Ordering::Relaxed);
            notify(shared.notification);
        }
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

    /// The handle of the domain this thread belongs to.
    pub(crate) fn of_this_thread() -> Result<Self, Error> {
        match ffi::executor() {
            Some(executor) => Ok(executor.handle()),
            None => Err(Error::message(
                "this thread belongs to no domain with an executor",
            )),
        }
    }

    /// How many notifications were sent to the domain's loop so far.
    pub(super) fn notifications(self) -> usize {
        self.0.notified.load(Ordering::Relaxed)
    }

    /// Whether a task of the domain is running on this thread.
    pub(crate) fn is_here(self) -> bool {
        DomainExecutor::current().is_some_and(|executor| std::ptr::eq(executor.shared, self.0))
    }

    /// Spawns a task in the domain: it runs with the domain's lock held, so it
    /// may use [`with_lock`](crate::with_lock), and with tokio's context
    /// entered. Never blocks.
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it; `Task::detach` lets it run on.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        self.0.executor.spawn(future)
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
