//! The concurrent parts on real threads, for tools that watch a running program:
//! ThreadSanitizer and Miri.
#![cfg(not(loom))]
#![allow(missing_docs)]

use std::{
    cell::UnsafeCell,
    sync::{
        Arc, Barrier,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use lwt_rust_core::{Cell, Contents, Inbox, Park};

const THREADS: usize = 4;
const ROUNDS: usize = if cfg!(miri) { 20 } else { 2_000 };

/// If a thread is not woken in this time, it never will be.
const PATIENCE: Duration = Duration::from_secs(60);

/// Wakes a sleeping thread. It has room for one delivery.
struct Bell(SyncSender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.try_send(()).expect("two deliveries for one sleep");
    }
}

fn bell() -> (Arc<Bell>, Receiver<()>) {
    let (sender, receiver) = sync_channel(1);
    (Arc::new(Bell(sender)), receiver)
}

fn sleep(receiver: &Receiver<()>) {
    receiver.recv_timeout(PATIENCE).expect("a wake-up was lost");
}

#[test]
fn every_wake_up_of_a_parked_owner_is_delivered_once() {
    let park = Park::new();
    let inbox = Inbox::new();
    let (bell, receiver) = bell();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (park, inbox, bell) = (&park, &inbox, &bell);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    inbox.push(());
                    inbox.wake(thread);
                    if park.wake() {
                        bell.clone().wake();
                    }
                }
            });
        }
        let (mut done, mut woken, mut found) = (0, [0; THREADS], Contents::new());
        while done < THREADS * ROUNDS {
            sleep(&receiver);
            loop {
                if park.start() {
                    inbox.take(&mut found);
                    done += found.things().count();
                    found.woken().for_each(|thread| woken[thread] += 1);
                }
                if park.finish() {
                    break;
                }
            }
        }
        assert!(woken.iter().all(|&times| (1..=ROUNDS).contains(&times)));
    });
}

/// A number that is protected only by the order of the steps that use it.
struct Bare(UnsafeCell<usize>);

// SAFETY: only `take_turns` shares one, and its threads take turns.
unsafe impl Sync for Bare {}

/// Adds one to `number` each time `mine` is woken, and then wakes `other`.
fn take_turns(number: &Bare, mine: &Park, other: &Park) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        while !mine.is_woken() {
            assert!(start.elapsed() < PATIENCE, "a wake-up was lost");
            thread::yield_now();
        }
        mine.start();
        // SAFETY: the other thread woke this one after its own access, and now waits to
        // be woken. The test checks that this orders the accesses.
        unsafe { *number.0.get() += 1 };
        assert!(mine.finish());
        assert!(other.wake());
    }
}

#[test]
fn what_is_done_before_a_wake_up_is_seen_after_start() {
    let number = Bare(UnsafeCell::new(0));
    let (ping, pong) = (Park::new(), Park::new());
    assert!(ping.wake());
    thread::scope(|scope| {
        scope.spawn(|| take_turns(&number, &ping, &pong));
        scope.spawn(|| take_turns(&number, &pong, &ping));
    });
    assert_eq!(number.0.into_inner(), 2 * ROUNDS);
}

/// Polls until the value is there, and replaces the registered waker each time.
fn wait_for<T>(cell: &Cell<T>) -> T {
    loop {
        let (bell, receiver) = bell();
        for waker in [Waker::noop(), &Waker::from(bell)] {
            if let Poll::Ready(value) = cell.poll_take(&mut Context::from_waker(waker)) {
                return value;
            }
        }
        sleep(&receiver);
    }
}

#[test]
fn one_of_many_settlers_reaches_the_task() {
    for _ in 0..ROUNDS {
        let cell = Cell::new();
        let barrier = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            let settlers = [0; THREADS].map(|_| {
                scope.spawn(|| {
                    let mine = Box::new(thread::current().id());
                    barrier.wait();
                    cell.settle(mine)
                })
            });
            barrier.wait();
            let winner = wait_for(&cell);
            for settler in settlers {
                let id = settler.thread().id();
                let expected = if id == *winner {
                    Ok(())
                } else {
                    Err(Box::new(id))
                };
                assert_eq!(settler.join().unwrap(), expected);
            }
        });
    }
}

#[test]
fn closing_meets_settling() {
    for _ in 0..ROUNDS {
        let cell = Cell::new();
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            let settler = scope.spawn(|| {
                barrier.wait();
                cell.settle(Box::new(1))
            });
            barrier.wait();
            let was_waiting = cell.close();
            assert_eq!(settler.join().unwrap().is_err(), was_waiting);
        });
    }
}
