//! The executor of a domain.
//!
//! | part | user, and use |
//! | --- | --- |
//! | [`Handle`], [`Task`] | any thread: spawns tasks, wakes the domain |
//! | [`DomainExecutor`] | a task of the domain: spawns tasks that are not `Send` |
//! | `spawn` | any thread: spawns tasks |
//! | `spawned`, `driver` | spawned tasks, and the task of the domain that runs them |
//! | `tasks` | the domain: runs its tasks; any thread: wakes them |
//! | `waker` | any thread: wakers |
//! | `here` | any thread: the executor of that thread |
//! | `waits`, `settle` | the domain: the Lwt promises that its tasks await, and OCaml's answers |
//! | `function` | the stubs: the Lwt closures that they have read |
//! | `actions`, `hand_over` | the domain's stubs: requests that they leave for OCaml |
//! | `calls`, `first` | the stubs: calls that OCaml makes and cancels, and the waker of their first polls |
//! | `turn` | the stubs: polls |
//! | `coop` | the stubs: how much a task does in one poll |
//! | `close` | the OCaml side: ends all tasks |
//! | `registry` | any thread: which domain has which executor |
//! | `reuse` | a new domain: executors of domains that are gone |

mod actions;
mod calls;
mod close;
mod coop;
mod driver;
mod first;
mod function;
mod hand_over;
mod handle;
mod here;
mod registry;
mod reuse;
mod settle;
mod slots;
mod spare;
mod spawn;
mod spawned;
mod task;
mod tasks;
mod turn;
mod waits;
mod waker;

use std::{
    cell::{Cell, Ref, RefCell},
    future::Future,
    os::unix::net::UnixStream,
};

use lwt_rust_core::drop_quietly;

pub(crate) use actions::{Action, Ask, Awaited};
pub(crate) use calls::Cancellation;
pub(crate) use coop::keep_budget;
pub(crate) use function::{
    Function, Returns, capture_before_ocaml, forget_closures, give_closures, keep_closures,
};
pub use handle::Handle;
pub(crate) use handle::{Shared, Way};
pub(crate) use here::{
    begin_turn, here, is_beside_the_loop, is_thread_of_loop, is_woken, look, read_for,
};
pub(crate) use registry::{
    at_hand, attach, attached, create, is_shut_down, notifications, shut_down, tokio,
    waits_with_lock,
};
pub(crate) use reuse::DomainLife;
pub(crate) use settle::{promised, settle};
pub use spawn::{spawn, spawn_local};
pub(crate) use spawned::Output;
pub use task::Task;
pub(crate) use waits::{Outcome, Sink};

use calls::Calls;
use driver::Drivers;
use handle::{CurrentLife, Life};
use here::{executor_at_hand, executor_of_task, this_thread};
use spawned::Local;
use tasks::Tasks;
use waits::Waits;

use crate::{
    bound::{Bound, succeeds},
    error::Error,
    fork,
    ocaml::{Root, try_with_lock},
};

/// Runs the tasks of one OCaml domain, on the threads of that domain, with the
/// domain's lock held and tokio's context entered.
///
/// The first call of an asynchronous function in the domain makes it. So does a plain
/// function that takes a promise or a closure that returns one, or that spawns a task. Only
/// tasks that it runs may
/// call its methods; all other code uses a [`Handle`].
// Aligned to two cache lines: each domain writes to its own executor all the time, and two
// executors must not share a line.
#[repr(align(128))]
pub struct DomainExecutor {
    shared: &'static Shared,
    /// The present life of the executor, which belongs to one domain.
    life: CurrentLife,
    /// A copy of the flag in `shared`, which is quicker to read here.
    is_of_lwt: bool,
    tasks: Tasks,
    /// The tasks that run the spawned tasks.
    drivers: Drivers,
    /// The record `Executor.t` of `lib/`; `()` when the executor is closed.
    record: RefCell<Root>,
    /// The actions that OCaml carries out when the running stub returns.
    actions: RefCell<Vec<hand_over::Left>>,
    /// How many times OCaml has taken all actions.
    taken: Cell<u32>,
    /// Whether the running stub may have left a runnable task or an action.
    is_left: Cell<bool>,
    /// The thread on which the Lwt loop has begun its last turn; 0 before the first one.
    loop_thread: Cell<usize>,
    /// Whether the domain was told of what is left, and has not polled since.
    is_told: Cell<bool>,
    calls: Calls,
    /// The Lwt promises that the tasks await.
    waits: Waits,
}

/// What a domain has done so far.
#[derive(Default)]
pub(crate) struct Work {
    /// Calls of asynchronous functions.
    pub(crate) calls: usize,
    /// Those of them that are pending.
    pub(crate) pending: usize,
    /// Polls of tasks and of calls.
    pub(crate) polls: usize,
}

impl DomainExecutor {
    /// The executor of a domain. `record` is the record `Executor.t` of `lib/`.
    fn new(shared: &'static Shared, record: Root) -> Self {
        DomainExecutor {
            is_of_lwt: shared.is_of_lwt(),
            shared,
            life: CurrentLife::new(Life::FIRST),
            tasks: Tasks::default(),
            drivers: Drivers::default(),
            record: RefCell::new(record),
            actions: RefCell::default(),
            taken: Cell::new(0),
            is_left: Cell::new(false),
            loop_thread: Cell::new(0),
            is_told: Cell::new(false),
            calls: Calls::default(),
            waits: Waits::new(),
        }
    }

    /// Gives a closed executor to another domain, which is told to poll through `told`.
    fn begin_again(&self, told: UnixStream, record: Root) {
        self.record.replace(record);
        self.calls.begin_again();
        self.life.set(self.life.get().next());
        self.is_told.set(false);
        self.shared.reopen(self.life.get(), told);
    }

    /// The executor of the domain in which a task, or a function that OCaml has called, runs
    /// on this thread. The domain gets an executor if it has none.
    ///
    /// `None` on any other thread, within a [`with_lock`](crate::with_lock), and if the
    /// domain can have no executor, for example after `Lwt_rust.Runtime.shutdown`.
    pub fn current() -> Option<&'static DomainExecutor> {
        executor_of_task().or_else(|| try_with_lock(attached)?.ok())
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared, self.life.get())
    }

    /// Spawns a task that stays on the calling thread: see [`spawn_local`]. Only a task that
    /// runs in this domain may call it.
    ///
    /// If the executor is being closed, or no task of the domain is running on the calling
    /// thread, `future` is dropped, and the task gives [`Error::Abandoned`].
    pub fn spawn_local<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Task<T> {
        // The caller may have kept the reference in a place where the domain's lock is not
        // held.
        if executor_at_hand(self.shared).is_none() || fork::happened() {
            drop_quietly(future);
            return Task::refused(Error::Abandoned);
        }
        match self.refuses_tasks() {
            Some(error) => {
                drop_quietly(future);
                Task::refused(error)
            }
            None => {
                let future = Local(Bound::new(succeeds(future)));
                Task::local(self.shared.spawn(future), self.shared)
            }
        }
    }

    /// Why no task can be spawned now. If one can, a driver runs soon.
    fn refuses_tasks(&self) -> Option<Error> {
        match self.shared.is_closed() {
            true => Some(Error::Abandoned),
            false => self.need_driver().err(),
        }
    }

    /// Whether the Lwt loop drives it.
    pub(crate) fn is_of_lwt(&self) -> bool {
        self.is_of_lwt
    }

    /// What the domain has done so far.
    pub(crate) fn work(&self) -> Work {
        let calls = self.calls.begun();
        Work {
            calls,
            pending: self.calls.pending(),
            polls: self.tasks.polls().wrapping_add(calls),
        }
    }

    /// Whether another thread runs the Lwt loop. Lwt is not thread-safe, so this thread leaves
    /// to that one whatever touches the state of Lwt, and the tasks of other calls.
    #[inline]
    pub(crate) fn is_beside_the_loop(&self) -> bool {
        let thread = self.loop_thread.get();
        self.is_of_lwt && thread != 0 && thread != this_thread()
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

    /// Whether the executor is owed a poll.
    pub(crate) fn is_woken(&self) -> bool {
        !self.shared.is_closed()
            && (!self.tasks.are_idle()
                || !self.actions.borrow().is_empty()
                || self.shared.park().is_woken())
    }
}
