//! The tasks of an executor.
//!
//! They are in a table of the domain's, and so is the queue of those that are
//! runnable: to make one runnable takes neither a lock nor an atomic operation, if
//! that is done while code of ours runs in the domain. Other threads see nothing of
//! the table. They leave what they want of it in an [`Inbox`],
//! and wake the executor.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

use lwt_rust_core::{Contents, Inbox, Slots, Ticket, drop_quietly};

use super::{
    DomainExecutor, Shared,
    spare::Spare,
    waker::{slot_of, waker},
};
use crate::{
    ffi::{self, left_to_turn},
    fork,
};

/// The future of a task, which panics neither when it is polled nor when it is
/// dropped.
pub(super) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Names a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId(Ticket);

/// Where a task is, to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskSlot(pub(super) usize);

impl TaskId {
    fn slot(self) -> TaskSlot {
        TaskSlot(self.0.slot())
    }
}

/// What other threads want of the tasks, but for waking them.
pub(super) enum Request {
    /// That there is one more.
    Spawn(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// That one ends.
    Cancel(TaskId),
}

impl Shared {
    /// Has a task run soon. Any thread may call it.
    pub(super) fn wake_task(&self, slot: TaskSlot) {
        self.ask(
            |executor| executor.make_runnable(slot),
            |inbox| inbox.wake(slot.0),
        );
    }

    /// Has the future of a task dropped soon, without another poll. Any thread may call
    /// it.
    pub(super) fn cancel_task(&self, id: TaskId) {
        self.ask(
            |executor| executor.cancel_task(id),
            |inbox| inbox.push(Request::Cancel(id)),
        );
    }

    /// Asks for something in the domain itself, or from elsewhere.
    #[inline]
    fn ask(&self, here: impl FnOnce(&DomainExecutor), leave: impl FnOnce(&Inbox<Request>)) {
        // In a forked child the tasks are not there (rule 13).
        if fork::happened() || self.is_closed() {
            return;
        }
        match ffi::executor_at_hand(self) {
            Some(executor) => here(executor),
            None => {
                leave(self.inbox());
                self.wake();
            }
        }
    }
}

struct Task {
    /// `None` while it is being polled.
    future: Option<TaskFuture>,
    is_queued: bool,
    is_cancelled: bool,
}

#[derive(Default)]
struct Table {
    tasks: Slots<Task>,
    /// Of the runnable tasks, and sometimes of one that is gone.
    ready: VecDeque<TaskSlot>,
}

impl Table {
    /// Returns whether there is a task that was not in the queue.
    fn queue(&mut self, slot: TaskSlot) -> bool {
        let Some(mut entry) = self.tasks.current(slot.0) else {
            return false;
        };
        let was_queued = std::mem::replace(&mut entry.get_mut().is_queued, true);
        if !was_queued {
            self.ready.push_back(slot);
        }
        !was_queued
    }

    fn insert(&mut self, future: TaskFuture) -> TaskId {
        let id = TaskId(self.tasks.insert(|_| Task {
            future: Some(future),
            is_queued: false,
            is_cancelled: false,
        }));
        self.queue(id.slot());
        id
    }

    fn cancel(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(id.0) {
            task.is_cancelled = true;
            self.queue(id.slot());
        }
    }
}

/// The tasks of a domain.
#[derive(Default)]
pub(super) struct Tasks {
    table: RefCell<Table>,
    /// The task that is being polled.
    running: Cell<Option<TaskId>>,
    /// Empty: memory for what is taken out of the inbox.
    requests: RefCell<Contents<Request>>,
    spare: Spare,
}

impl Tasks {
    pub(super) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// Whether none is runnable.
    pub(super) fn are_idle(&self) -> bool {
        self.table.borrow().ready.is_empty()
    }

    /// Does what other threads have asked for.
    pub(super) fn take_requests(&self, shared: &Shared) {
        let mut requests = self.requests.borrow_mut();
        shared.inbox().take(&mut requests);
        let mut table = self.table.borrow_mut();
        for request in requests.things() {
            match request {
                Request::Spawn(future) => {
                    table.insert(future);
                }
                Request::Cancel(id) => table.cancel(id),
            }
        }
        for slot in requests.woken() {
            table.queue(TaskSlot(slot));
        }
    }

    /// Runs the next task, if there is one.
    pub(super) fn run_one(&self, shared: &Shared) -> bool {
        let next = self.table.borrow_mut().ready.pop_front();
        let is_one = next.is_some();
        if let Some(slot) = next {
            self.run(shared, slot);
        }
        is_one
    }

    /// Runs a task, if none is to be run before it, which then is run instead.
    pub(super) fn run_or_queue(&self, shared: &Shared, slot: TaskSlot) {
        let mut table = self.table.borrow_mut();
        if table.ready.is_empty() {
            drop(table);
            self.run(shared, slot);
        } else {
            table.queue(slot);
            drop(table);
            self.run_one(shared);
        }
    }

    fn run(&self, shared: &Shared, slot: TaskSlot) {
        let mut table = self.table.borrow_mut();
        let Some(mut entry) = table.tasks.current(slot.0) else {
            return;
        };
        let id = TaskId(entry.ticket());
        let task = entry.get_mut();
        task.is_queued = false;
        let is_cancelled = task.is_cancelled;
        let Some(mut future) = task.future.take() else {
            return;
        };
        drop(table);
        if !is_cancelled {
            let waker = waker(shared.number(), slot);
            let outside = self.running.replace(Some(id));
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            self.running.set(outside);
            if polled.is_pending() {
                let mut table = self.table.borrow_mut();
                let task = table.tasks.get_mut(id.0);
                if let Some(task) = task.filter(|task| !task.is_cancelled) {
                    task.future = Some(future);
                    return;
                }
            }
        }
        drop(self.table.borrow_mut().tasks.remove(id.0));
        self.spare.keep(future);
    }

    /// Ends all tasks, and gives up memory.
    pub(super) fn close(&self, shared: &Shared) {
        loop {
            // What was left in the inbox before the executor was closed. What is
            // spawned from now on is dropped at once.
            self.take_requests(shared);
            let tasks = self.table.borrow_mut().tasks.take_all();
            if tasks.is_empty() {
                break;
            }
            for future in tasks.into_iter().filter_map(|task| task.future) {
                drop_quietly(future);
            }
        }
        // Not the slots: who cancels a task of now may come late (rule 11).
        self.table.borrow_mut().ready = VecDeque::new();
        self.requests.take();
        self.spare.clear();
    }
}

impl DomainExecutor {
    /// Makes a task of a future; `None` if the executor is closed.
    pub(super) fn spawn_task(&self, future: TaskFuture) -> Option<TaskId> {
        if self.shared.is_closed() {
            return None;
        }
        let id = self.tasks.table.borrow_mut().insert(future);
        self.see_to_it();
        Some(id)
    }

    /// The future of a task is dropped soon, and not polled any more.
    pub(super) fn cancel_task(&self, id: TaskId) {
        self.tasks.table.borrow_mut().cancel(id);
        self.see_to_it();
    }

    /// Has a task run soon. For code of ours in the domain.
    pub(crate) fn make_runnable(&self, slot: TaskSlot) {
        let is_new = self.tasks.table.borrow_mut().queue(slot);
        if is_new {
            self.see_to_it();
        }
    }

    /// A task was made runnable.
    fn see_to_it(&self) {
        if !self.is_polling.get() && !left_to_turn(self.shared) {
            self.shared.wake();
        }
    }

    /// The task that is being polled.
    pub(super) fn running(&self) -> Option<TaskId> {
        self.tasks.running.get()
    }

    /// Where the task is that is being polled.
    pub(crate) fn running_slot(&self) -> Option<TaskSlot> {
        self.running().map(TaskId::slot)
    }

    /// Where the task is that a waker wakes, if that is one of this executor's.
    #[inline]
    pub(crate) fn slot_of(&self, waker: &Waker) -> Option<TaskSlot> {
        slot_of(self.shared.number(), waker)
    }
}
