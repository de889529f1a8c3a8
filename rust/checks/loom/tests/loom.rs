//! Every interleaving of the concurrent parts, tried by loom: `make loom`.
#![cfg(loom)]
#![allow(missing_docs)]

use std::task::{Context, Poll, Wake, Waker};

use loom::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use lwt_rust_core::{Cell, Contents, Inbox, Park, Source};

/// An owner that polls when it is told to, and work that any thread adds.
#[derive(Default)]
struct Model {
    park: Park,
    inbox: Inbox<()>,
    notified: AtomicBool,
    done: AtomicUsize,
    /// How many times a slot was found woken.
    runs: AtomicUsize,
}

impl Model {
    fn add_work(&self) {
        self.inbox.push(());
        self.wake();
    }

    fn wake(&self) {
        if self.park.wake() {
            assert!(
                !self.notified.swap(true, Ordering::AcqRel),
                "two deliveries for one parking"
            );
        }
    }

    fn poll(&self) {
        loop {
            self.look();
            if self.park.finish() {
                return;
            }
        }
    }

    /// Begins to look for work, and does it.
    fn look(&self) {
        if self.park.start() {
            let mut found = Contents::new();
            self.inbox.take(&mut found);
            let works = found.things().count();
            self.done.fetch_add(works, Ordering::Relaxed);
            self.runs
                .fetch_add(found.woken().count(), Ordering::Relaxed);
        }
    }

    /// One turn of the owner's loop; `false` if it would sleep.
    fn turn(&self) -> bool {
        let notified = self.notified.swap(false, Ordering::AcqRel);
        if notified {
            self.poll();
        }
        notified
    }
}

/// In the middle of a poll, the owner runs code that may wait for work, as a synchronous
/// closure does. The work comes: the owner sees that it is woken, or it is told.
#[test]
fn wake_up_around_an_interruption_is_seen_or_delivered() {
    loom::model(|| {
        let model = Arc::new(Model::default());
        let waker = {
            let model = model.clone();
            thread::spawn(move || model.add_work())
        };
        model.look();
        model.park.interrupt();
        let is_seen = model.park.is_woken();
        waker.join().unwrap();
        let is_done = model.done.load(Ordering::Relaxed) == 1;
        let is_told = model.notified.load(Ordering::Acquire);
        assert!(
            is_done || is_seen || is_told,
            "the work waits for the end of the poll"
        );
        model.poll();
        assert_eq!(model.done.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn no_wake_up_is_lost_between_polling_and_parking() {
    loom::model(|| {
        let model = Arc::new(Model::default());
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let model = model.clone();
                thread::spawn(move || model.add_work())
            })
            .collect();
        model.turn();
        for waker in wakers {
            waker.join().unwrap();
        }
        // If work is left, a notification for it is pending.
        while model.turn() {}
        assert_eq!(model.done.load(Ordering::Relaxed), 2);
        assert!(!model.park.is_woken());
    });
}

#[test]
fn an_owner_that_leaves_work_behind_is_not_notified_and_finds_it() {
    loom::model(|| {
        let model = Arc::new(Model::default());
        model.park.start();
        model.park.leave_woken();
        let waker = {
            let model = model.clone();
            thread::spawn(move || model.add_work())
        };
        // The owner comes back by itself, perhaps before the work is there.
        model.poll();
        waker.join().unwrap();
        while model.turn() {}
        assert_eq!(model.done.load(Ordering::Relaxed), 1);
    });
}

/// Two threads wake the same task. It may run once for both, but not before the writes of
/// both threads can be seen.
#[test]
fn a_task_that_is_woken_twice_runs_after_both() {
    loom::model(|| {
        let model = Arc::new(Model::default());
        let written = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let wakers: Vec<_> = (0..2)
            .map(|i| {
                let (model, written) = (model.clone(), written.clone());
                thread::spawn(move || {
                    written[i].store(true, Ordering::Relaxed);
                    model.inbox.wake(7);
                    model.wake();
                })
            })
            .collect();
        let mut seen = [false; 2];
        let mut turn = || {
            let before = model.runs.load(Ordering::Relaxed);
            let comes_back = model.turn();
            if model.runs.load(Ordering::Relaxed) > before {
                seen = [0, 1].map(|i| written[i].load(Ordering::Relaxed));
            }
            comes_back
        };
        turn();
        for waker in wakers {
            waker.join().unwrap();
        }
        while turn() {}
        assert_eq!(seen, [true; 2], "the last run came too early");
    });
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn settling_races_with_polling() {
    loom::model(|| {
        let cell = Arc::new(Cell::new());
        let settler = {
            let cell = cell.clone();
            thread::spawn(move || cell.settle(5))
        };
        let flag = std::sync::Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        let first = cell.poll_take(&mut context);
        assert_eq!(settler.join().unwrap(), Ok(()));
        match first {
            Poll::Ready(value) => assert_eq!(value, 5),
            Poll::Pending => {
                assert!(flag.0.load(Ordering::Acquire), "the waiter was not woken");
                assert_eq!(cell.poll_take(&mut context), Poll::Ready(5));
            }
        }
    });
}

#[test]
fn settling_races_with_settling_and_closing() {
    loom::model(|| {
        let cell = Arc::new(Cell::new());
        let settler = {
            let cell = cell.clone();
            thread::spawn(move || cell.settle(1).is_ok())
        };
        let other = {
            let cell = cell.clone();
            thread::spawn(move || cell.settle(2).is_ok())
        };
        let was_waiting = cell.close();
        let accepted = usize::from(settler.join().unwrap()) + usize::from(other.join().unwrap());
        assert_eq!(accepted, usize::from(!was_waiting));
    });
}

/// A promise whose source becomes known on one thread, while another thread drops it, or
/// detaches and drops it. It counts how many times the source is cancelled.
#[derive(Default)]
struct Dropped {
    cell: Cell<u8>,
    source: Source<()>,
    cancelled: AtomicUsize,
}

impl Dropped {
    fn cancel(&self, taken: Option<()>) {
        if taken.is_some() {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn source_becomes_known(&self) {
        let detached = self.source.put(()).is_some();
        if !detached && self.cell.is_settled() {
            self.cancel(self.source.take());
        }
    }

    fn drop_reader(&self) {
        if self.cell.close() {
            self.cancel(self.source.take());
        }
    }
}

#[test]
fn dropping_races_with_a_source_that_becomes_known() {
    loom::model(|| {
        let promise = Arc::new(Dropped::default());
        let domain = {
            let promise = promise.clone();
            thread::spawn(move || promise.source_becomes_known())
        };
        promise.drop_reader();
        domain.join().unwrap();
        assert_eq!(promise.cancelled.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn detaching_races_with_a_source_that_becomes_known() {
    loom::model(|| {
        let promise = Arc::new(Dropped::default());
        let domain = {
            let promise = promise.clone();
            thread::spawn(move || promise.source_becomes_known())
        };
        promise.source.detach();
        promise.drop_reader();
        domain.join().unwrap();
        assert_eq!(promise.cancelled.load(Ordering::Relaxed), 0);
    });
}

/// A task awaits a promise on its executor's thread, while another thread settles the
/// promise and a third one cancels the task. Each poll comes of a wake-up, and the task
/// ends in exactly one of the two ways.
#[test]
fn completing_races_with_cancelling_and_polling() {
    struct Task {
        model: Model,
        cell: Cell<u8>,
        is_cancelled: AtomicBool,
    }

    struct Waker1(Arc<Task>);

    impl Wake for Waker1 {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.model.add_work();
        }
    }

    loom::model(|| {
        let task = Arc::new(Task {
            model: Model::default(),
            cell: Cell::new(),
            is_cancelled: AtomicBool::new(false),
        });
        let waker = Waker::from(std::sync::Arc::new(Waker1(task.clone())));
        let mut context = Context::from_waker(&waker);
        let first = task.cell.poll_take(&mut context);
        assert!(first.is_pending());
        let settler = {
            let task = task.clone();
            thread::spawn(move || task.cell.settle(7).is_ok())
        };
        let canceller = {
            let task = task.clone();
            thread::spawn(move || {
                task.is_cancelled.store(true, Ordering::Release);
                task.model.add_work();
            })
        };
        let (mut value, mut dropped) = (None, false);
        let mut turn = || {
            let runs = task.model.turn();
            if runs && value.is_none() && !dropped {
                if task.is_cancelled.load(Ordering::Acquire) {
                    dropped = true;
                    task.cell.close();
                } else if let Poll::Ready(ready) = task.cell.poll_take(&mut context) {
                    value = Some(ready);
                }
            }
            runs
        };
        turn();
        let accepted = settler.join().unwrap();
        canceller.join().unwrap();
        while turn() {}
        assert!(dropped != value.is_some(), "neither ended, or both");
        assert!(value.is_none() || accepted);
        // The value was taken, returned, or dropped with the cell, so the cell accepts no
        // other one.
        assert!(task.cell.settle(8).is_err());
    });
}
