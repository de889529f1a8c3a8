//! The tasks of an executor.
//!
//! The table of the domain contains the tasks and the queue of the runnable ones. While
//! code of ours runs in the domain, it makes a task runnable without a lock or an atomic
//! operation. Other threads see nothing of the table. They leave their requests in an
//! [`Inbox`](lwt_rust_core::Inbox), and wake the executor.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

use lwt_rust_core::{Contents, Slots, Ticket, drop_quietly};

use super::{
    DomainExecutor, Shared, coop,
    driver::Drivers,
    here::{executor_at_hand, this_thread},
    slots::{TaskSlot, too_many},
    spare::Spare,
    waker::{slot_of, waker},
};
use crate::{error::Error, fork, runtime::begin_poll};

/// The future of a task, which panics neither when it is polled nor when it is
/// dropped.
pub(super) type TaskFuture = Pin<Box<dyn Future<Output = ()>>>;

/// Names a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId(Ticket);

impl TaskId {
    pub(super) fn slot(self) -> TaskSlot {
        TaskSlot(self.0.slot())
    }
}

/// A request of another thread, other than to wake a task.
pub(super) enum Request {
    /// Makes a task of this future.
    Run(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Starts a driver, since a task was spawned.
    Drive,
}

impl Shared {
    /// Makes a task run soon. Any thread may call it.
    #[inline]
    pub(super) fn wake_task(&self, slot: TaskSlot) {
        // In a forked child nothing runs the tasks (rule 13).
        if fork::happened() || self.is_closed() {
            return;
        }
        match executor_at_hand(self) {
            Some(executor) => executor.make_runnable(slot),
            None => {
                self.inbox().wake(slot.0);
                self.wake();
            }
        }
    }
}

struct Task {
    /// `None` while the task is being polled.
    future: Option<TaskFuture>,
    /// Whether the task is in the queue. While the task is being polled: whether it was
    /// woken meanwhile, and goes to the queue when the poll is over.
    is_queued: bool,
    is_cancelled: bool,
    /// The thread that has made the task.
    thread: usize,
}

#[derive(Default)]
struct Table {
    tasks: Slots<Task>,
    /// The slots of the runnable tasks, and sometimes that of a task that is gone.
    ready: VecDeque<TaskSlot>,
}

impl Table {
    /// Puts the task of a slot in the queue, if there is one and it is not there. Returns
    /// whether it did.
    fn queue(&mut self, slot: TaskSlot) -> bool {
        let Some(mut entry) = self.tasks.current(slot.0) else {
            return false;
        };
        let task = entry.get_mut();
        let was_queued = std::mem::replace(&mut task.is_queued, true);
        let is_new = !was_queued && task.future.is_some();
        if is_new {
            self.ready.push_back(slot);
        }
        is_new
    }

    /// Returns the future if there are too many tasks.
    fn insert(&mut self, future: TaskFuture) -> Result<TaskId, TaskFuture> {
        if !self.tasks.has_room() {
            return Err(future);
        }
        Ok(TaskId(self.tasks.insert(|_| Task {
            future: Some(future),
            is_queued: false,
            is_cancelled: false,
            thread: this_thread(),
        })))
    }
}

/// The tasks of a domain.
#[derive(Default)]
pub(super) struct Tasks {
    table: RefCell<Table>,
    /// The task that is being polled.
    running: Cell<Option<TaskId>>,
    /// How many polls have begun.
    polls: Cell<usize>,
    /// Memory for the requests that are taken out of the inbox; empty in between.
    requests: RefCell<Contents<Request>>,
    spare: Spare,
}

impl Tasks {
    pub(super) fn spare(&self) -> &Spare {
        &self.spare
    }

    /// Whether no task is runnable.
    pub(super) fn are_idle(&self) -> bool {
        self.table.borrow().ready.is_empty()
    }

    /// Whether there are no tasks.
    fn is_empty(&self) -> bool {
        self.table.borrow().tasks.is_empty()
    }

    /// Carries out the requests of other threads.
    pub(super) fn take_requests(&self, shared: &Shared, drivers: &Drivers) {
        let mut requests = self.requests.borrow_mut();
        shared.inbox().take(&mut requests);
        let mut table = self.table.borrow_mut();
        for request in requests.things() {
            match request {
                Request::Run(future) => match table.insert(future) {
                    Ok(id) => {
                        table.queue(id.slot());
                    }
                    Err(refused) => {
                        // The destructor of the future may use the table.
                        drop(table);
                        drop_quietly(refused);
                        table = self.table.borrow_mut();
                    }
                },
                Request::Drive => drivers.want(),
            }
        }
        for slot in requests.woken() {
            table.queue(TaskSlot(slot));
        }
    }

    /// Whether the calling thread has made the task in a slot.
    pub(super) fn is_of_this_thread(&self, slot: TaskSlot) -> bool {
        let mut table = self.table.borrow_mut();
        let task = table.tasks.current(slot.0);
        task.is_some_and(|mut task| task.get_mut().thread == this_thread())
    }

    /// Takes a slot out of the queue, if it came into the queue last.
    pub(super) fn take_last(&self, slot: TaskSlot) -> bool {
        let mut table = self.table.borrow_mut();
        let is_last = table.ready.back() == Some(&slot);
        if is_last {
            table.ready.pop_back();
        }
        is_last
    }

    /// Runs the next runnable task. Returns whether there was one.
    pub(super) fn run_one(&self, shared: &Shared) -> bool {
        let next = self.table.borrow_mut().ready.pop_front();
        let is_one = next.is_some();
        if let Some(slot) = next {
            self.run(shared, slot);
        }
        is_one
    }

    /// Runs the task in a slot. If the task is being polled already, it goes to the queue
    /// when that poll is over. That can happen when the task calls OCaml code.
    pub(super) fn run(&self, shared: &Shared, slot: TaskSlot) {
        let mut table = self.table.borrow_mut();
        let Some(mut entry) = table.tasks.current(slot.0) else {
            return;
        };
        let id = TaskId(entry.ticket());
        let task = entry.get_mut();
        let Some(mut future) = task.future.take() else {
            task.is_queued = true;
            return;
        };
        task.is_queued = false;
        let is_cancelled = task.is_cancelled;
        drop(table);
        if !is_cancelled {
            self.polls.set(self.polls.get().wrapping_add(1));
            let waker = waker(shared.number(), slot);
            let outside = self.running.replace(Some(id));
            coop::begin();
            begin_poll();
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            self.running.set(outside);
            if polled.is_pending() {
                let mut table = self.table.borrow_mut();
                let Table { tasks, ready } = &mut *table;
                let task = tasks.get_mut(id.0);
                if let Some(task) = task.filter(|task| !task.is_cancelled) {
                    task.future = Some(future);
                    if task.is_queued {
                        ready.push_back(slot);
                    }
                    return;
                }
            }
        }
        drop(self.table.borrow_mut().tasks.remove(id.0));
        self.spare.keep(future);
    }

    /// How many polls of tasks have begun.
    pub(super) fn polls(&self) -> usize {
        self.polls.get()
    }

    /// Ends a task: drops its future now, or, if the task is being polled, when that poll
    /// is over.
    fn end(&self, id: TaskId) {
        let mut table = self.table.borrow_mut();
        let Some(task) = table.tasks.get_mut(id.0) else {
            return;
        };
        task.is_cancelled = true;
        let Some(future) = task.future.take() else {
            return;
        };
        drop(table.tasks.remove(id.0));
        drop(table);
        self.spare.keep(future);
    }

    /// Ends all tasks, and gives up memory.
    pub(super) fn close(&self, shared: &Shared, drivers: &Drivers) {
        loop {
            // These requests came before the executor was closed. A future that is spawned
            // from now on is dropped at once.
            self.take_requests(shared, drivers);
            let tasks = self.table.borrow_mut().tasks.take_all();
            if tasks.is_empty() {
                break;
            }
            for future in tasks.into_iter().filter_map(|task| task.future) {
                drop_quietly(future);
            }
        }
        self.table.borrow_mut().ready = VecDeque::new();
        self.requests.take();
        self.spare.clear();
    }
}

impl DomainExecutor {
    /// Makes a task of a future. The caller has to run it.
    ///
    /// # Errors
    ///
    /// If the executor is closed, or there are too many tasks. The future is dropped.
    pub(super) fn make_task(&self, future: TaskFuture) -> Result<TaskId, Error> {
        if self.shared.is_closed() {
            return Err(Error::Abandoned);
        }
        let made = self.tasks.table.borrow_mut().insert(future);
        made.map_err(|refused| {
            drop_quietly(refused);
            too_many("tasks")
        })
    }

    /// Makes a task of a future, as [`make_task`](DomainExecutor::make_task) does, and
    /// makes it run soon.
    pub(super) fn spawn_task(&self, future: TaskFuture) -> Result<TaskId, Error> {
        let id = self.make_task(future)?;
        self.make_runnable(id.slot());
        Ok(id)
    }

    /// Runs a task that was made just now.
    pub(super) fn run_first(&self, id: TaskId) {
        self.tasks.run(self.shared, id.slot());
    }

    /// Drops the future of a task now, or, if the task is being polled, when that poll is
    /// over.
    pub(super) fn end_task(&self, id: TaskId) {
        self.tasks.end(id);
    }

    /// Makes a task run soon. Only code of ours that runs in a stub of the domain may call
    /// it: the stub looks for runnable tasks when it ends.
    pub(crate) fn make_runnable(&self, slot: TaskSlot) {
        if self.tasks.table.borrow_mut().queue(slot) {
            self.is_left.set(true);
        }
    }

    /// Whether there are no tasks.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The slot of the task that is being polled. `None` if that is a spawned task.
    pub(crate) fn running_slot(&self) -> Option<TaskSlot> {
        self.tasks.running.get().map(TaskId::slot)
    }

    /// Sets the task that is being polled, until its poll is over. Returns the present one.
    pub(super) fn set_running(&self, task: Option<TaskId>) -> Option<TaskId> {
        self.tasks.running.replace(task)
    }

    /// The slot of the task that `waker` wakes, if that is a task of this executor.
    #[inline]
    pub(crate) fn slot_of(&self, waker: &Waker) -> Option<TaskSlot> {
        slot_of(self.shared.number(), waker)
    }
}
