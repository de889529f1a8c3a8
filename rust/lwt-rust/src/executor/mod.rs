//! The executor of a domain.
//!
//! | part | who may use it |
//! | --- | --- |
//! | [`Handle`] | any thread: spawns tasks, wakes the domain |
//! | [`DomainExecutor`] | a task of the domain: spawns tasks that are not `Send` |
//! | `turn` | the OCaml side: polls, reads completions |

mod budget;
mod handle;
mod local;
mod registry;
mod turn;

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Waker},
};

use lwt_rust_core::{CatchPanic, Slots, Ticket, catch_panic};

pub(crate) use budget::may_go_on;
pub use handle::Handle;
pub(crate) use handle::Shared;
pub use local::LocalTask;
pub(crate) use registry::{attach, attached, create, notifications};

use budget::Budget;

use crate::{
    convert::IntoOcaml,
    error::{Error, Panic},
    ffi::{self, Lock, Root, with_lock},
};

/// Runs the tasks of one OCaml domain, on the threads of that domain, with the
/// domain's lock held and tokio's context entered.
///
/// It is made when a Rust function is first called in the domain. Its methods
/// are for tasks that it runs; everybody else has a [`Handle`].
pub struct DomainExecutor {
    shared: &'static Shared,
    /// Wakes `shared`.
    waker: Waker,
    /// The record `Executor.t` of `lib/`.
    record: Root,
    /// The array in `record` through which results reach OCaml.
    completions: Root,
    /// How many completions were stored since OCaml last read them.
    stored: Cell<usize>,
    /// Runs tasks, one after the other, for as long as it is polled.
    ticks: RefCell<Pin<Box<dyn Future<Output = ()>>>>,
    /// Of the poll under way.
    budget: Rc<Budget>,
    calls: RefCell<Slots<Option<LocalTask<()>>>>,
}

impl DomainExecutor {
    /// The executor whose task is running on this thread; `None` outside of
    /// tasks, and while the task has the lock in hand.
    pub fn current() -> Option<&'static DomainExecutor> {
        ffi::try_with_lock(|_| ffi::executor())?
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(self.shared)
    }

    /// Spawns a task that stays in the domain, so that neither it nor what it
    /// gives needs to be `Send`. It is first polled a little later.
    ///
    /// # Cancellation
    ///
    /// Dropping the task cancels it; see [`LocalTask::detach`].
    pub fn spawn_local<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> LocalTask<T> {
        local::spawn(self.shared, future)
    }

    pub(crate) fn shared(&self) -> &'static Shared {
        self.shared
    }

    /// The OCaml record of the executor.
    pub(crate) fn record(&self) -> &Root {
        &self.record
    }

    /// Polls a future once, as its task would be. If it does not complete, its
    /// task polls it again soon, so nothing has to be woken before.
    pub(crate) fn poll_first<F: Future>(
        &self,
        lock: &mut Lock,
        future: &mut CatchPanic<F>,
    ) -> std::task::Poll<<CatchPanic<F> as Future>::Output> {
        let _polling = self.budget.begin();
        let _tokio = self.shared.tokio().enter();
        lock.lend(|| Pin::new(future).poll(&mut Context::from_waker(Waker::noop())))
    }

    /// Makes a call that has begun a task. Its result will be stored for OCaml
    /// under the number of the slot that is returned.
    pub(crate) fn adopt<F, T, E>(&'static self, future: CatchPanic<F>) -> usize
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: IntoOcaml,
        E: Into<Error>,
    {
        let mut calls = self.calls.borrow_mut();
        let ticket = calls.insert(|ticket| {
            Some(self.spawn_local(async move {
                let result = match future.await {
                    Ok(result) => result.map_err(Into::into),
                    Err(payload) => Err(Panic::from_payload(payload).into()),
                };
                with_lock(|lock| self.complete(lock, ticket, result));
            }))
        });
        ticket.slot()
    }

    /// Stores the result of a call where OCaml will find it after this poll.
    fn complete<T: IntoOcaml>(&self, lock: &mut Lock, ticket: Ticket, result: Result<T, Error>) {
        match self.calls.borrow_mut().complete(ticket) {
            // This very task: nothing of it is left to cancel.
            Some(Some(task)) => task.detach(),
            Some(None) => {}
            None => return,
        }
        // The conversion may be the user's, and then it may panic.
        let converted = match result {
            Ok(value) => catch_panic(|| value.into_ocaml(lock).map(Root::new))
                .unwrap_or_else(|payload| Err(Panic::from_payload(payload).into())),
            Err(error) => Err(error),
        };
        let (value, is_rejected) = match converted {
            Ok(value) => (value, false),
            Err(error) => match error.into_exception(lock) {
                Some(exception) => (exception, true),
                None => unreachable!("a call is made through the module that registers these"),
            },
        };
        self.store(lock, ticket.slot(), is_rejected, &value);
    }

    /// The call in `slot` was cancelled by OCaml, which has forgotten it.
    pub(crate) fn cancel(&self, slot: usize) {
        let task = self.calls.borrow_mut().remove_current(slot);
        // Dropping the task only schedules its end, so that a future that is
        // being polled is dropped afterwards.
        drop(task);
        self.ensure_woken();
    }

    /// Called by the domain when it has made a task runnable, for the task to run
    /// in this turn: async-executor wakes nobody while another thread is about to
    /// do so, and that thread may take its time.
    pub(crate) fn ensure_woken(&self) {
        if !self.shared.is_woken() {
            self.waker.wake_by_ref();
        }
    }
}
