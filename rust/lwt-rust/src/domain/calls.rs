//! The calls of an executor: tasks whose results OCaml waits for.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use event_listener::{Event, IntoNotification, listener};
use lwt_rust_core::{CatchPanic, CountedTask, Slots, Ticket, catch_panic, drop_quietly};
use pin_project_lite::pin_project;

use super::{Action, DomainExecutor, coop, first, slots::too_many, tasks::TaskId};
use crate::{
    convert::IntoOcaml,
    error::{Error, Panic},
    ocaml::{Lock, Root, Val, with_lock},
    runtime::{begin_poll, enter_tokio},
    watch::{Named, PollOf},
};

/// Whether a future outlives the cancellation of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancellation {
    /// The future is dropped.
    Drops,
    /// The future goes on, and its result is dropped.
    Protects,
}

struct Call {
    task: Option<TaskId>,
    cancellation: Cancellation,
}

#[derive(Default)]
pub(super) struct Calls {
    by_slot: RefCell<Slots<Call>>,
    /// How many calls have begun.
    begun: Cell<usize>,
    /// How many calls have waited and not ended.
    running: Cell<usize>,
    /// Notified when one call is left, which may be the one that waits for all others.
    one_is_left: Event,
    /// How many results were given to OCaml. OCaml counts the results that it has taken. A
    /// slot is used again when the two counts are the same.
    given: Cell<usize>,
}

/// The count wraps after as many bits as OCaml's count has.
const COUNT: usize = (1 << 62) - 1;

/// The field of the record `Executor.t` with its calls, and the field of these with the
/// number of results that OCaml has taken.
const CALLS: usize = 0;
const TAKEN: usize = 0;

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
        let left = calls.running.get() - 1;
        calls.running.set(left);
        if left == 1 {
            // The listener is a task of this domain, so the domain's lock gives the order.
            calls.one_is_left.notify(usize::MAX.relaxed());
        }
    }
}

impl Calls {
    /// How many calls have begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.get()
    }

    /// How many calls are pending.
    pub(super) fn pending(&self) -> usize {
        self.running.get()
    }

    /// Counts a result that is given to OCaml.
    fn give(&self) {
        self.given.set(self.given.get().wrapping_add(1) & COUNT);
    }

    /// Starts the counts again, for the calls of another domain.
    pub(super) fn begin_again(&self) {
        self.begun.set(0);
        self.given.set(0);
    }

    /// Forgets all calls, as OCaml has done.
    pub(super) fn forget_all(&self) {
        drop(self.by_slot.borrow_mut().take_all());
    }
}

pin_project! {
    /// The future of the asynchronous function `N`, and the call that it completes once it
    /// has become a task.
    pub(crate) struct CallFuture<N, F> {
        #[pin]
        future: CatchPanic<F>,
        call: Option<Running>,
        function: PhantomData<N>,
    }
}

impl<N, F> Default for CallFuture<N, F> {
    fn default() -> Self {
        CallFuture {
            future: CatchPanic::default(),
            call: None,
            function: PhantomData,
        }
    }
}

impl<N, F, T, E> Future for CallFuture<N, F>
where
    N: Named,
    F: Future<Output = Result<T, E>>,
    T: IntoOcaml,
    E: Into<Error>,
{
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _poll = PollOf::<N>::begin();
        self.run(context)
    }
}

impl<N, F, T, E> CallFuture<N, F>
where
    F: Future<Output = Result<T, E>>,
    T: IntoOcaml,
    E: Into<Error>,
{
    #[inline(always)]
    fn run(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let result = match ready!(this.future.poll(context)) {
            Ok(Ok(value)) => Ok(value),
            // The conversion may be the user's code, and may panic.
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
    /// The future of a call. It is made in the memory where it stays, whereas `Box::pin`
    /// would make it on the stack and copy it.
    #[inline(always)]
    pub(crate) fn call_future<N, F: Future>(&self, future: F) -> Pin<Box<CallFuture<N, F>>> {
        let mut boxed = self.tasks.spare().boxed::<CallFuture<N, F>>();
        boxed.as_mut().project().future.put(future);
        boxed
    }

    /// Drops the future of a call that completed before it became a task.
    #[inline(always)]
    pub(crate) fn end_call_future<N, F>(&self, future: Pin<Box<CallFuture<N, F>>>) {
        self.tasks.spare().keep(future);
    }

    /// Polls a future once, in the same way as a task is polled. If the future does not
    /// complete, it becomes a task, whose second poll follows, so a wake-up before that is
    /// not needed.
    pub(crate) fn poll_first<N, F: Future>(
        &self,
        lock: &mut Lock,
        future: Pin<&mut CallFuture<N, F>>,
    ) -> Poll<<CatchPanic<F> as Future>::Output> {
        self.calls.begun.set(self.calls.begun.get().wrapping_add(1));
        let _tokio = enter_tokio(self.shared.tokio());
        coop::begin();
        begin_poll();
        let future = future.project().future;
        lock.lend(|| future.poll(&mut Context::from_waker(&first::first())))
    }

    /// Makes a task of a call that has begun, and polls it once more, so that the future
    /// registers the task's own waker. A future that has woken itself is polled later
    /// instead, since it wants other tasks to have their turn. Returns the ticket of the
    /// call, with which OCaml gets the result.
    ///
    /// # Errors
    ///
    /// If the executor was closed meanwhile, or has too many tasks.
    pub(crate) fn adopt<N, F, T, E>(
        &'static self,
        lock: &mut Lock,
        mut future: Pin<Box<CallFuture<N, F>>>,
        cancellation: Cancellation,
    ) -> Result<Ticket, Error>
    where
        N: Named + 'static,
        F: Future<Output = Result<T, E>> + 'static,
        T: IntoOcaml,
        E: Into<Error>,
    {
        let is_woken = first::take_first();
        let ticket = self.insert_call(lock, cancellation)?;
        self.begins(ticket);
        *future.as_mut().project().call = Some(Running::new(self, ticket));
        let made = self.make_task(future);
        let mut calls = self.calls.by_slot.borrow_mut();
        match made {
            Ok(task) => {
                if let Some(call) = calls.get_mut(ticket) {
                    call.task = Some(task);
                }
                drop(calls);
                match is_woken {
                    true => self.make_runnable(task.slot()),
                    false => {
                        let _tokio = enter_tokio(self.shared.tokio());
                        lock.lend(|| self.run_first(task));
                    }
                }
                Ok(ticket)
            }
            Err(error) => {
                calls.remove(ticket);
                Err(error)
            }
        }
    }

    fn insert_call(&self, lock: &Lock, cancellation: Cancellation) -> Result<Ticket, Error> {
        let mut calls = self.calls.by_slot.borrow_mut();
        // OCaml has taken all results so far.
        let ours = self.record.borrow().get(lock).field(CALLS);
        let taken = ours.and_then(|calls| calls.field(TAKEN));
        if taken.and_then(Val::as_number) == Some(self.calls.given.get() as u64) {
            calls.recycle();
        }
        if !calls.has_room() {
            return Err(too_many("calls"));
        }
        Ok(calls.insert(|_| Call {
            task: None,
            cancellation,
        }))
    }

    /// Leaves the result of a call for OCaml.
    fn complete<T: IntoOcaml>(&self, lock: &mut Lock, ticket: Ticket, result: Result<T, Error>) {
        if self.calls.by_slot.borrow_mut().complete(ticket).is_none() {
            // OCaml has cancelled the call, and the future has gone on.
            return drop_quietly(result);
        }
        // From now on the slot waits until OCaml has taken the result. OCaml code may run
        // before that, since it makes streams and exceptions, and another thread of the
        // domain may begin a call meanwhile.
        self.calls.give();
        // The conversion may be the user's code, and may panic.
        let converted = match result {
            Ok(value) => catch_panic(|| value.into_ocaml(lock).map(Root::new))
                .unwrap_or_else(|payload| Err(Panic::from_payload(payload).into())),
            Err(error) => Err(error),
        };
        let result = converted.map_err(|error| match error.into_failure(lock) {
            Some(failure) => failure,
            None => unreachable!("a call is made through the module that registers these"),
        });
        self.leave(Action::Settle { ticket, result });
    }

    /// Drops the future of the call in `slot`, which OCaml has cancelled and forgotten.
    pub(crate) fn cancel(&self, lock: &mut Lock, slot: usize) {
        let call = self.calls.by_slot.borrow_mut().remove_current(slot);
        if let Some(Call {
            task: Some(task),
            cancellation: Cancellation::Drops,
        }) = call
        {
            let _tokio = enter_tokio(self.shared.tokio());
            lock.lend(|| self.end_task(task));
            // There is room now.
            self.start_wanted_driver();
        }
    }

    /// Whether the call in `slot` has not completed. If it has, OCaml gets its result.
    pub(crate) fn is_call_pending(&self, slot: usize) -> bool {
        self.calls.by_slot.borrow_mut().current(slot).is_some()
    }

    /// Waits until all calls but the caller's have ended. Only a call may use it, and only
    /// one at a time.
    pub(crate) async fn others_have_ended(&self) {
        // In its first poll the caller is not counted yet.
        tokio::task::yield_now().await;
        while self.calls.running.get() > 1 {
            listener!(self.calls.one_is_left => left);
            left.await;
        }
    }
}
