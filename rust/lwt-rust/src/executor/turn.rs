//! What the executor does in a turn of the loop that drives it.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    os::unix::net::UnixStream,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use async_executor::Executor;
use lwt_rust_core::Slots;

use super::{
    DomainExecutor, Shared,
    budget::{Budget, TASKS},
    calls::Calls,
    handle::Life,
};
use crate::ffi::{Lock, Root, Val};

impl DomainExecutor {
    pub(super) fn new(
        shared: &'static Shared,
        tasks: Arc<Executor<'static>>,
        record: Root,
        completions: Root,
    ) -> Self {
        let budget = Rc::new(Budget::new());
        let executor = DomainExecutor {
            waker: shared.waker(),
            ticks: RefCell::new(Box::pin(tick_for_ever(tasks.clone(), budget.clone()))),
            executor: RefCell::new(Some(tasks)),
            shared,
            life: Cell::new(Life::FIRST),
            record: RefCell::new(record),
            completions: RefCell::new(completions),
            stored: Cell::new(0),
            budget,
            calls: Calls::default(),
            waiting: RefCell::new(Slots::new()),
            awaited: RefCell::default(),
        };
        // Until it has been polled once, it does not know whom to wake.
        executor.look_for_work();
        executor
    }

    /// Makes an executor that was closed another domain's, which is told to poll
    /// through `told`.
    pub(super) fn begin_again(
        &self,
        tasks: Arc<Executor<'static>>,
        told: UnixStream,
        record: Root,
        completions: Root,
    ) {
        let ticks = tick_for_ever(tasks.clone(), self.budget.clone());
        drop(self.ticks.replace(Box::pin(ticks)));
        self.executor.replace(Some(tasks.clone()));
        self.record.replace(record);
        self.completions.replace(completions);
        self.life.set(self.life.get().next());
        self.shared.reopen(self.life.get(), tasks, told);
        self.look_for_work();
    }

    /// Runs what is runnable, within the budget, and returns how many
    /// completions it stored. OCaml has read all earlier ones.
    ///
    /// If work is left, the executor is woken, with no notification: the caller
    /// promises to come back.
    ///
    /// It returns 0 at once if it is closed, or being polled already, which only
    /// OCaml code called by a task can find.
    pub(crate) fn poll(&self, lock: &mut Lock) -> usize {
        if self.ticks.try_borrow_mut().is_err() {
            return 0;
        }
        self.calls.recycle();
        self.stored.set(0);
        let _tokio = self.shared.tokio().enter();
        lock.lend(|| self.look_for_work());
        self.stored.get()
    }

    fn look_for_work(&self) {
        let executor = self.executor.borrow();
        let Some(executor) = &*executor else { return };
        let park = self.shared.park();
        let _polling = self.budget.begin();
        let mut ticks = self.ticks.borrow_mut();
        loop {
            park.start();
            // What is there is run first: asking to be woken takes less time
            // when there is nothing to run.
            while self.budget.is_left() && executor.try_tick() {
                self.budget.spend_task();
            }
            if self.budget.is_left() {
                let _: Poll<()> = ticks.as_mut().poll(&mut Context::from_waker(&self.waker));
            }
            if !self.budget.is_left() {
                return park.leave_woken();
            }
            if park.finish() {
                return;
            }
        }
    }

    /// Stores a completion. `lib/executor.ml` reads pairs: the number of the
    /// slot, twice, plus one for a rejection; and the value or the failure.
    pub(super) fn store(&self, lock: &mut Lock, slot: usize, is_rejected: bool, value: &Root) {
        let key = Val::from_index(2 * slot + usize::from(is_rejected));
        let at = 2 * self.stored.get();
        let completions = self.completions.borrow();
        lock.store(&completions, at, &Root::new(key));
        lock.store(&completions, at + 1, value);
        self.stored.set(self.stored.get() + 1);
    }

    /// The number of fields that the completions array needs.
    pub(crate) const COMPLETIONS: usize = 2 * TASKS;
}

/// Runs runnable tasks, pending when there are none or the budget is spent.
async fn tick_for_ever(executor: Arc<Executor<'static>>, budget: Rc<Budget>) {
    loop {
        poll_fn(|_| {
            if budget.is_left() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        executor.tick().await;
        budget.spend_task();
    }
}
