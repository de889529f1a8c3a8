//! The calls of an executor: tasks whose results OCaml waits for.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use lwt_rust_core::{CatchPanic, CountedTask, Slots, Ticket, catch_panic, drop_quietly};
use pin_project_lite::pin_project;

use super::{DomainExecutor, tasks::TaskId};
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
    task: Option<TaskId>,
    cancellation: Cancellation,
}

#[derive(Default)]
pub(super) struct Calls {
    by_slot: RefCell<Slots<Call>>,
    /// How many have not ended.
    running: Cell<usize>,
    /// The task that waits for all others to end.
    drain: Cell<Option<Waker>>,
}

/// A call that has not ended.
struct Running {
    executor: &'static DomainExecutor,
    ticket: Ticket,
    _counted: CountedTask,
}

impl Running {
    fn new(executor: &'static DomainExecutor, ticket: Ticket) -> Self {
        let running = &executor.calls.running;
        running.set(running.get() + 1);
        Running {
            executor,
            ticket,
            _counted: CountedTask::new(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let calls = &self.executor.calls;
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

    /// Forgets all calls, as OCaml has.
    pub(super) fn forget_all(&self) {
        drop(self.by_slot.borrow_mut().take_all());
    }
}

pin_project! {
    /// The future of an asynchronous function, and the call that it completes once it
    /// has become a task.
    pub(crate) struct CallFuture<F> {
        #[pin]
        future: CatchPanic<F>,
        call: Option<Running>,
    }
}

impl<F> Default for CallFuture<F> {
    fn default() -> Self {
        CallFuture {
            future: CatchPanic::default(),
            call: None,
        }
    }
}

impl<F, T, E> Future for CallFuture<F>
where
    F: Future<Output = Result<T, E>>,
    T: IntoOcaml,
    E: Into<Error>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let result = match ready!(this.future.poll(context)) {
            Ok(Ok(value)) => Ok(value),
            // The conversion is the user's, and may panic.
            Ok(Err(error)) => Err(catch_panic(|| error.into())
                .unwrap_or_else(|payload| Panic::from_payload(payload).into())),
            Err(payload) => Err(Panic::from_payload(payload).into()),
        };
        if let Some(call) = this.call.take() {
            with_lock(|lock| call.executor.complete(lock, call.ticket, result));
        }
        Poll::Ready(())
    }
}

impl DomainExecutor {
    /// The future of a call. It is made where it stays: `Box::pin` would make it on the
    /// stack and copy it.
    #[inline(always)]
    pub(crate) fn call_future<F: Future>(&self, future: F) -> Pin<Box<CallFuture<F>>> {
        let mut boxed = self.tasks.spare().boxed::<CallFuture<F>>();
        boxed.as_mut().project().future.put(future);
        boxed
    }

    /// The future of a call has completed before it was one of a task.
    #[inline(always)]
    pub(crate) fn end_call_future<F>(&self, future: Pin<Box<CallFuture<F>>>) {
        self.tasks.spare().keep(future);
    }

    /// Polls a future once, as its task would be. If it does not complete, its
    /// task polls it again soon, so nothing has to be woken before.
    pub(crate) fn poll_first<F: Future>(
        &self,
        lock: &mut Lock,
        future: Pin<&mut CallFuture<F>>,
    ) -> Poll<<CatchPanic<F> as Future>::Output> {
        let _polling = self.budget.begin();
        let _tokio = enter_tokio(self.shared.tokio());
        let future = future.project().future;
        lock.lend(|| future.poll(&mut Context::from_waker(Waker::noop())))
    }

    /// Makes a call that has begun a task. Its result will be stored for OCaml
    /// under the number of the slot that is returned.
    pub(crate) fn adopt<F, T, E>(
        &'static self,
        mut future: Pin<Box<CallFuture<F>>>,
        cancellation: Cancellation,
    ) -> usize
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: IntoOcaml,
        E: Into<Error>,
    {
        let mut calls = self.calls.by_slot.borrow_mut();
        let ticket = calls.insert(|ticket| {
            *future.as_mut().project().call = Some(Running::new(self, ticket));
            Call {
                task: self.spawn_task(future),
                cancellation,
            }
        });
        ticket.slot()
    }

    /// Stores the result of a call where OCaml will find it after this poll.
    fn complete<T: IntoOcaml>(&self, lock: &mut Lock, ticket: Ticket, result: Result<T, Error>) {
        if self.calls.by_slot.borrow_mut().complete(ticket).is_none() {
            // It was cancelled, and has gone on.
            return drop_quietly(result);
        }
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
        if let Some(Call {
            task: Some(task),
            cancellation: Cancellation::Drops,
        }) = call
        {
            // That is later: it may be its poll that cancels it.
            self.cancel_task(task);
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
