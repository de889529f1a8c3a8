//! The drivers of the spawned tasks of a domain.
//!
//! A driver is a task of the domain that runs spawned tasks. It is *busy* while it is being
//! polled, and *idle* otherwise. An idle driver waits until a spawned task is runnable.
//!
//! Usually there is one driver. But a spawned task may call OCaml in the middle of its
//! poll, by a synchronous `Closure`. That code may run a loop of its own, or block while
//! another thread of the domain runs the loop. The driver is busy meanwhile, and the other
//! spawned tasks have to go on. So before Rust calls OCaml below a busy driver, the domain
//! gets a second driver, unless one is idle. When the first driver comes back, it ends the
//! second one, if that is idle. So at most one driver is ever idle.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use super::{DomainExecutor, Shared, coop, here::executor_at_hand, tasks::TaskId};
use crate::{error::Error, fork};

/// The most tasks that a driver runs before the other tasks of the domain have their turn.
const TICKS: usize = 16;

/// The drivers of a domain.
#[derive(Default)]
pub(super) struct Drivers {
    /// The idle driver.
    idle: Cell<Option<TaskId>>,
    /// How many drivers are busy.
    busy: Cell<usize>,
    /// How many tasks the drivers have run since this was last taken.
    ticks: Cell<usize>,
    /// Whether another thread has spawned the first task, and there was no room for a driver
    /// yet.
    is_wanted: Cell<bool>,
}

impl Drivers {
    /// Takes the number of tasks that the drivers have run.
    #[inline]
    pub(super) fn take_ticks(&self) -> usize {
        self.ticks.replace(0)
    }

    /// Notes that another thread wants a driver.
    pub(super) fn want(&self) {
        self.is_wanted.set(true);
    }
}

impl DomainExecutor {
    /// Makes sure that a driver is there to run spawned tasks, and that it runs soon.
    ///
    /// # Errors
    ///
    /// If there is no driver and too many tasks for one.
    pub(super) fn need_driver(&self) -> Result<(), Error> {
        match self.drivers.idle.get() {
            Some(driver) => self.make_runnable(driver.slot()),
            None if self.drivers.busy.get() == 0 => self.start_driver()?,
            // The busy driver looks for tasks when the present one has had its turn.
            None => {}
        }
        Ok(())
    }

    fn start_driver(&self) -> Result<(), Error> {
        let driver = driver(self.shared, || self.shared.spawned().tick());
        let id = self.spawn_task(driver)?;
        self.drivers.idle.set(Some(id));
        self.shared.spawned().set_driver(true);
        Ok(())
    }

    /// Starts the driver that another thread wants.
    #[inline]
    pub(super) fn start_wanted_driver(&self) {
        if self.drivers.is_wanted.get() {
            let is_refused = self.need_driver().is_err();
            self.drivers.is_wanted.set(is_refused);
        }
    }

    /// Makes the idle driver run soon, if there is one.
    pub(super) fn drive_soon(&self) {
        if let Some(driver) = self.drivers.idle.get() {
            self.make_runnable(driver.slot());
        }
    }

    /// Takes the idle driver out of the queue, if it came into the queue last. The caller
    /// runs it.
    pub(super) fn take_driver(&self) -> Option<TaskId> {
        let driver = self.drivers.idle.get()?;
        self.tasks.take_last(driver.slot()).then_some(driver)
    }

    /// Starts a driver in place of a busy one, since Rust is about to call OCaml. If there is
    /// no room for another task, the other spawned tasks wait until OCaml has returned.
    #[inline]
    pub(super) fn stand_in(&self) {
        if self.drivers.busy.get() > 0 && self.drivers.idle.get().is_none() {
            let _ = self.start_driver();
        }
    }

    /// Ends the drivers: those that are idle with the other tasks of the domain, and each of
    /// the others when its poll is over.
    pub(super) fn forget_drivers(&self) {
        self.drivers.idle.set(None);
        self.drivers.is_wanted.set(false);
        self.shared.spawned().set_driver(false);
    }

    /// Ends the driver that stood in for the caller, if there is one and it is idle.
    fn end_idle_driver(&self) {
        if let Some(driver) = self.drivers.idle.take() {
            self.end_task(driver);
        }
    }
}

/// The future of a driver. `tick` makes a future that runs the next task.
fn driver<F, T>(shared: &'static Shared, tick: F) -> Pin<Box<Driver<F, T>>>
where
    F: Fn() -> T,
{
    Box::pin(Driver {
        shared,
        next: tick(),
        tick,
    })
}

pin_project! {
    struct Driver<F, T> {
        shared: &'static Shared,
        tick: F,
        #[pin]
        next: T,
    }
}

/// A driver that is being polled.
struct Busy<'e>(&'e DomainExecutor);

impl<'e> Busy<'e> {
    fn new(executor: &'e DomainExecutor) -> Self {
        let busy = &executor.drivers.busy;
        busy.set(busy.get() + 1);
        Busy(executor)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let busy = &self.0.drivers.busy;
        busy.set(busy.get() - 1);
    }
}

impl<F, T> Future for Driver<F, T>
where
    F: Fn() -> T,
    T: Future<Output = ()>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(executor) = executor_at_hand(this.shared) else {
            return Poll::Pending;
        };
        // The tasks below are not this task: a wait that they begin is not this task's.
        let own = executor.set_running(None);
        executor.drivers.idle.set(None);
        let busy = Busy::new(executor);
        let mut has_more = true;
        for _ in 0..TICKS {
            if this.next.as_mut().poll(context).is_pending() {
                has_more = false;
                break;
            }
            this.next.set((this.tick)());
            executor.drivers.ticks.set(executor.drivers.ticks.get() + 1);
            if this.shared.is_closed() {
                this.shared.spawned().run_all();
                return Poll::Ready(());
            }
            if fork::happened() {
                // The task has forked this process.
                return Poll::Pending;
            }
            executor.end_idle_driver();
            if coop::is_spent() {
                break;
            }
        }
        drop(busy);
        executor.drivers.idle.set(own);
        if has_more {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
