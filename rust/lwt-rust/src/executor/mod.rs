//! The executor of a domain.
//!
//! | part | who may use it |
//! | --- | --- |
//! | [`Handle`], [`Task`] | any thread: spawns tasks, wakes the domain |
//! | [`DomainExecutor`], [`LocalTask`] | a task of the domain: tasks that are not `Send` |
//! | `tasks` | the domain: runs its tasks; any thread: wakes and cancels them |
//! | `waker` | any thread: wakers |
//! | `calls` | the stubs: calls that OCaml makes and cancels |
//! | `turn` | the OCaml side: polls, reads completions |
//! | `close` | the OCaml side: ends all tasks |
//! | `registry` | which domain has which executor |
//! | `reuse` | executors whose domains are gone |

mod budget;
mod calls;
mod close;
mod handle;
mod registry;
mod reuse;
mod spare;
mod task;
mod tasks;
mod turn;
mod waker;

use std::{
    cell::{Cell, Ref, RefCell},
    future::Future,
};

pub(crate) use budget::may_go_on;
pub(crate) use calls::Cancellation;
pub use handle::Handle;
pub(crate) use handle::{Shared, Way};
pub(crate) use registry::{
    at_hand, attach, attached, create, is_shut_down, notifications, shut_down,
};
pub(crate) use reuse::DomainLife;
pub use task::{LocalTask, Task};
pub(crate) use tasks::TaskSlot;

use budget::Budget;
use calls::Calls;
use handle::Life;
use tasks::Tasks;

use crate::{
    ffi::{self, Root},
    promise::Waits,
};

/// Runs the tasks of one OCaml domain, on the threads of that domain, with the
/// domain's lock held and tokio's context entered.
///
/// It is made when a Rust function is first called in the domain. Its methods
/// are for tasks that it runs; everybody else has a [`Handle`].
// Two domains write to two of them all the time: not to the same cache lines.
#[repr(align(128))]
pub struct DomainExecutor {
    shared: &'static Shared,
    /// Which domain it belongs to.
    life: Cell<Life>,
    /// Of `shared`, where a look takes less time.
    is_of_lwt: bool,
    tasks: Tasks,
    /// Whether it is being polled, or closed: then it looks at `tasks` again.
    is_polling: Cell<bool>,
    /// The record `Executor.t` of `lib/`; `()` when the executor is closed.
    record: RefCell<Root>,
    /// The array in `record` through which results reach OCaml; `()` when the
    /// executor is closed.
    completions: RefCell<Root>,
    /// How many completions were stored since OCaml last read them.
    stored: Cell<usize>,
    /// Whether OCaml was told of them.
    is_told: Cell<bool>,
    /// Of the poll under way.
    budget: Budget,
    calls: Calls,
    /// What the tasks await of Lwt.
    waits: Waits,
    /// The Lwt promises that the tasks awaited which it has ended while it was
    /// closed. No task can cancel them.
    awaited: RefCell<Vec<Root>>,
}

impl DomainExecutor {
    /// The executor whose task is running on this thread; `None` outside of
    /// tasks, and while the task has the lock in hand.
    pub fn current() -> Option<&'static DomainExecutor> {
        ffi::executor_of_task()
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared, self.life.get())
    }

    /// Spawns a task that stays in the domain, so that neither it nor what it
    /// gives needs to be `Send`. It is first polled a little later.
    ///
    /// If the executor is being closed, `future` is dropped, and the task gives
    /// [`Error::Abandoned`](crate::Error::Abandoned).
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it; see [`LocalTask::detach`].
    pub fn spawn_local<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> LocalTask<T> {
        let (task, join) = task::spawned(self.shared, future);
        match self.spawn_task(Box::pin(task)) {
            Some(_) => LocalTask::running(join),
            None => LocalTask::abandoned(),
        }
    }

    /// Whether the Lwt loop drives it.
    pub(crate) fn is_of_lwt(&self) -> bool {
        self.is_of_lwt
    }

    pub(crate) fn waits(&self) -> &Waits {
        &self.waits
    }

    pub(crate) fn shared(&self) -> &'static Shared {
        self.shared
    }

    /// The OCaml record of the executor.
    pub(crate) fn record(&self) -> Ref<'_, Root> {
        self.record.borrow()
    }

    /// Whether it is owed a poll.
    pub(crate) fn is_woken(&self) -> bool {
        !self.shared.is_closed()
            && (!self.tasks.are_idle() || !self.is_told.get() || self.shared.park().is_woken())
    }
}
