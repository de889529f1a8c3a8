//! The executor of a domain.
//!
//! | part | who may use it |
//! | --- | --- |
//! | [`Handle`], [`Task`] | any thread: spawns tasks, wakes the domain |
//! | [`DomainExecutor`], [`LocalTask`] | a task of the domain: tasks that are not `Send` |
//! | `tasks` | the domain: runs its tasks; any thread: wakes and cancels them |
//! | `waker` | any thread: wakers |
//! | `actions` | what the domain's stubs leave for OCaml to do |
//! | `calls` | the stubs: calls that OCaml makes and cancels |
//! | `turn` | the stubs: polls |
//! | `coop` | how much a task does in one poll |
//! | `close` | the OCaml side: ends all tasks |
//! | `registry` | which domain has which executor |
//! | `reuse` | executors whose domains are gone |

mod actions;
mod calls;
mod close;
mod coop;
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
    sync::Arc,
};

pub(crate) use actions::{Action, Ask, Awaited};
pub(crate) use calls::Cancellation;
pub use handle::Handle;
pub(crate) use handle::{Shared, Way};
pub(crate) use registry::{
    at_hand, attach, attached, create, is_shut_down, notifications, shut_down, tokio,
};
pub(crate) use reuse::DomainLife;
pub use task::{LocalTask, Task};
pub(crate) use tasks::{TaskSlot, too_many};
pub(crate) use waker::is_first;

use calls::Calls;
use handle::CurrentLife;
use tasks::Tasks;

use crate::{
    bound::{Bound, succeeds},
    closure::Function,
    error::Error,
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
    life: CurrentLife,
    /// Of `shared`, where a look takes less time.
    is_of_lwt: bool,
    tasks: Tasks,
    /// The record `Executor.t` of `lib/`; `()` when the executor is closed.
    record: RefCell<Root>,
    /// What OCaml has to do when the stub that is running returns.
    actions: RefCell<Vec<Action>>,
    /// Whether the stub that is running may have left a task or an action.
    is_left: Cell<bool>,
    /// The closures that the stub that is running has read.
    pub(crate) taken: RefCell<Vec<Arc<Function>>>,
    /// Whether there are any.
    pub(crate) has_taken: Cell<bool>,
    calls: Calls,
    /// What the tasks await of Lwt.
    waits: Waits,
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

    /// Spawns a task that stays on the calling thread, so that neither it nor what it
    /// gives needs to be `Send`. It is first polled a little later.
    ///
    /// That thread has to run the tasks of the domain, as the thread that runs the Lwt
    /// loop does. If another thread of the domain polls the task, the task gives an error
    /// that says so, and if another thread drops it, `future` is leaked. So if a systhread
    /// calls a function that spawns, and another one runs the loop, the function should
    /// spawn a future that is `Send`, with [`Handle::spawn`].
    ///
    /// If the executor is being closed, or has too many tasks (2^24), `future` is
    /// dropped, and the task gives the error that says so. So it is if no task of the
    /// domain is running on the calling thread: only such a task may call this.
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it; see [`LocalTask::detach`].
    pub fn spawn_local<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> LocalTask<T> {
        // Somebody may have kept the reference, where the domain's lock is not held.
        if ffi::executor_at_hand(self.shared).is_none() {
            return LocalTask::refused(Error::Abandoned);
        }
        let future = Bound::new(succeeds(future));
        let (task, join) = task::spawned(self.shared, future);
        match self.spawn_task(Box::pin(task)) {
            Ok(_) => LocalTask::running(join),
            Err(error) => LocalTask::refused(error),
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
            && (!self.tasks.are_idle()
                || !self.actions.borrow().is_empty()
                || self.shared.park().is_woken())
    }
}
