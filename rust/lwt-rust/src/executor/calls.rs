//! The calls of an executor: tasks whose results OCaml waits for.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use lwt_rust_core::{CatchPanic, CountedTask, Slots, Ticket, catch_panic};

use super::{DomainExecutor, queue::Spawned, task::InDomain};
use crate::{
    convert::IntoOcaml,
    error::{Error, Panic},
    ffi::{Lock, Root, enter_tokio, with_lock},
};

/// What becomes of a future whose call is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancellation {
    /// It is dropped.
    Drops,
    /// It goes on, and what it gives is dropped.
    Protects,
}

struct Call {
    ticket: Ticket,
    task: Option<Spawned<InDomain<()>>>,
    cancellation: Cancellation,
}

#[derive(Default)]
pub(super) struct Calls {
    by_slot: RefCell<Slots<Call>>,
    /// Those that were cancelled and go on, by [`Ticket::to_bits`].
    outlasting: RefCell<HashMap<u64, Spawned<InDomain<()>>>>,
    /// How many have not ended.
    running: Cell<usize>,
    /// The task that waits for all others to end.
    drain: Cell<Option<Waker>>,
}

/// A call that has not ended.
struct Running(&'static DomainExecutor);

impl Running {
    fn new(executor: &'static DomainExecutor) -> Self {
        let running = &executor.calls.running;
        running.set(running.get() + 1);
        Running(executor)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let calls = &self.0.calls;
        calls.running.set(calls.running.get() - 1);
        if let Some(waker) = calls.drain.take() {
            waker.wake();
        }
    }
}

impl Calls {
    /// OCaml has read all completions so far.
    pub(super) fn recycle(&self) {
        self.by_slot.borrow_mut().recycle();
    }

    /// Gives up all calls; OCaml has forgotten them. Their futures are dropped
    /// when the executor is polled.
    pub(super) fn cancel_all(&self) {
        let calls = self.by_slot.borrow_mut().take_all();
        let outlasting = self.outlasting.take();
        drop((calls, outlasting));
    }
}

fn detach(task: Option<Spawned<InDomain<()>>>) {
    if let Some(task) = task {
        task.detach();
    }
}

impl DomainExecutor {
    /// Polls a future once, as its task would be. If it does not complete, its
    /// task polls it again soon, so nothing has to be woken before.
    pub(crate) fn poll_first<F: Future>(
        &self,
        lock: &mut Lock,
        future: Pin<&mut CatchPanic<F>>,
    ) -> Poll<<CatchPanic<F> as Future>::Output> {
        let _polling = self.budget.begin();
        let _tokio = enter_tokio(self.shared.tokio());
        lock.lend(|| future.poll(&mut Context::from_waker(Waker::noop())))
    }

    /// Makes a call that has begun a task. Its result will be stored for OCaml
    /// under the number of the slot that is returned.
    pub(crate) fn adopt<F, T, E>(
        &'static self,
        future: Pin<Box<CatchPanic<F>>>,
        cancellation: Cancellation,
    ) -> usize
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: IntoOcaml,
        E: Into<Error>,
    {
        let mut calls = self.calls.by_slot.borrow_mut();
        let ticket = calls.insert(|ticket| {
            let running = (Running::new(self), CountedTask::new());
            let task = self.spawn_in_domain(async move {
                let result = match future.await {
                    // The conversion is the user's, and may panic.
                    Ok(result) => catch_panic(|| result.map_err(Into::into))
                        .unwrap_or_else(|payload| Err(Panic::from_payload(payload).into())),
                    Err(payload) => Err(Panic::from_payload(payload).into()),
                };
                with_lock(|lock| self.complete(lock, ticket, result));
                drop(running);
            });
            Call {
                ticket,
                task,
                cancellation,
            }
        });
        ticket.slot()
    }

    /// Stores the result of a call where OCaml will find it after this poll.
    fn complete<T: IntoOcaml>(&self, lock: &mut Lock, ticket: Ticket, result: Result<T, Error>) {
        let call = self.calls.by_slot.borrow_mut().complete(ticket);
        let Some(call) = call else {
            let task = self.calls.outlasting.borrow_mut().remove(&ticket.to_bits());
            return detach(task);
        };
        // This very task: nothing of it is left to cancel.
        detach(call.task);
        // The conversion may be the user's, and then it may panic.
        let converted = match result {
            Ok(value) => catch_panic(|| value.into_ocaml(lock).map(Root::new))
                .unwrap_or_else(|payload| Err(Panic::from_payload(payload).into())),
            Err(error) => Err(error),
        };
        match converted {
            Ok(value) => self.store(lock, ticket.slot(), false, &value),
            Err(error) => match error.into_failure(lock) {
                Some(failure) => self.store(lock, ticket.slot(), true, &failure),
                None => unreachable!("a call is made through the module that registers these"),
            },
        }
    }

    /// The call in `slot` was cancelled by OCaml, which has forgotten it.
    pub(crate) fn cancel(&self, slot: usize) {
        let call = self.calls.by_slot.borrow_mut().remove_current(slot);
        match call {
            Some(Call {
                ticket,
                task: Some(task),
                cancellation: Cancellation::Protects,
            }) => {
                let mut outlasting = self.calls.outlasting.borrow_mut();
                outlasting.insert(ticket.to_bits(), task);
            }
            // Dropping the task only schedules its end, so that a future that is
            // being polled is dropped afterwards.
            Some(_) | None => drop(call),
        }
    }

    /// Waits until no call but the caller's has not ended. For one caller at a
    /// time, which must be a call.
    pub(crate) async fn others_have_ended(&self) {
        // In its first poll the caller is not counted yet.
        tokio::task::yield_now().await;
        poll_fn(|context| {
            if self.calls.running.get() <= 1 {
                return Poll::Ready(());
            }
            self.calls.drain.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
