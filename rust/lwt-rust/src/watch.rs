//! Polls of tasks, and plain functions, that take long. Meanwhile nothing else runs in their
//! domain.

use std::{
    any::type_name,
    cell::RefCell,
    marker::PhantomData,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::reports::Reports;

/// A function that OCaml calls, or a task.
pub trait Named {
    /// Its name in messages.
    fn name() -> &'static str;
}

/// A value that names one of our own functions.
macro_rules! named {
    ($name:literal) => {{
        struct Function;
        impl $crate::watch::Named for Function {
            fn name() -> &'static str {
                $name
            }
        }
        Function
    }};
}
pub(crate) use named;

/// A poll, or a plain function, that took longer than the limit.
pub(crate) struct LongPoll {
    /// The function, or the function that has spawned the task.
    pub(crate) name: &'static str,
    pub(crate) time: Duration,
}

/// The long polls that OCaml's handler has not got.
pub(crate) static LONG_POLLS: Reports<LongPoll> = Reports::new();

/// The most reports that wait.
pub(crate) const MOST_REPORTS: usize = 64;

/// In nanoseconds.
static LIMIT: AtomicU64 = AtomicU64::new(NO_LIMIT);

const NO_LIMIT: u64 = u64::MAX;

/// How many times the limit was set.
static CHANGES: AtomicUsize = AtomicUsize::new(0);

/// The longest poll since the limit was set, in nanoseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// Sets the time from which on a poll is reported, or that none is. Any thread may call it.
pub(crate) fn set_limit(limit: Option<Duration>) {
    LONG_POLLS.set_room(limit.map_or(0, |_| MOST_REPORTS));
    CHANGES.fetch_add(1, Ordering::Relaxed);
    LONGEST.store(0, Ordering::Relaxed);
    let limit = limit.map_or(NO_LIMIT, |limit| nanoseconds(limit).min(NO_LIMIT - 1));
    LIMIT.store(limit, Ordering::Relaxed);
}

/// The longest poll since the limit was set. `None` if there is no limit.
pub(crate) fn longest() -> Option<Duration> {
    is_on().then(|| Duration::from_nanos(LONGEST.load(Ordering::Relaxed)))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A poll that is being measured.
#[derive(Clone, Copy)]
struct Measured {
    start: Instant,
    /// The value of `CHANGES` at the start.
    changes: usize,
}

thread_local! {
    /// The polls of this thread that are being measured, the outermost one first: a function
    /// may call OCaml, which calls another function. They are here, and not in variables of
    /// those who begin and end the measurement, so that nobody pays for them while nothing is
    /// measured.
    static MEASURED: RefCell<Vec<Measured>> = const { RefCell::new(Vec::new()) };
}

#[inline(always)]
fn is_on() -> bool {
    LIMIT.load(Ordering::Relaxed) != NO_LIMIT
}

/// The poll of something with a name, from when it was made until it is dropped.
pub(crate) struct PollOf<N: Named>(PhantomData<N>);

impl<N: Named> PollOf<N> {
    #[inline(always)]
    pub(crate) fn begin() -> Self {
        if is_on() {
            begin_now();
        }
        PollOf(PhantomData)
    }
}

impl<N: Named> Drop for PollOf<N> {
    #[inline(always)]
    fn drop(&mut self) {
        if is_on() {
            end_now(N::name());
        }
    }
}

/// Names a task that Rust has spawned with the future `F`.
pub(crate) struct TaskOf<F>(PhantomData<F>);

impl<F> Named for TaskOf<F> {
    fn name() -> &'static str {
        name_of_task(type_name::<F>())
    }
}

#[cold]
fn begin_now() {
    let changes = CHANGES.load(Ordering::Relaxed);
    // This fails only while the thread ends.
    let _ = MEASURED.try_with(|measured| {
        let mut measured = measured.borrow_mut();
        // The limit has changed since these have begun.
        measured.retain(|poll| poll.changes == changes);
        let start = Instant::now();
        measured.push(Measured { start, changes });
    });
}

#[cold]
fn end_now(name: &'static str) {
    let last = MEASURED.try_with(|measured| measured.borrow_mut().pop());
    let Some(poll) = last.ok().flatten() else {
        return;
    };
    // If the limit has changed, this may not be the poll that ends.
    if poll.changes != CHANGES.load(Ordering::Relaxed) {
        return;
    }
    let time = poll.start.elapsed();
    LONGEST.fetch_max(nanoseconds(time), Ordering::Relaxed);
    if nanoseconds(time) >= LIMIT.load(Ordering::Relaxed) {
        // If too many wait, this one is not reported.
        let _ = LONG_POLLS.send(LongPoll { name, time });
    }
}

/// The function in which a task was spawned. For example, the type of the future of an `async`
/// block in the function `serve` is called `Wrapper<app::serve::{{closure}}>`. Rust promises
/// nothing about such names; those of other types are left as they are.
fn name_of_task(future: &'static str) -> &'static str {
    let Some(end) = future.find("::{{closure}}") else {
        return future;
    };
    // The brackets between the start of the function's path and its end are its own.
    let mut depth = 0;
    let is_before = |&(_, byte): &(usize, u8)| {
        match byte {
            b'>' | b')' | b']' => depth += 1,
            b'<' | b'(' | b'[' => depth -= 1,
            b',' | b' ' if depth == 0 => depth = -1,
            _ => {}
        }
        depth < 0
    };
    let start = future[..end].bytes().enumerate().rev().find(is_before);
    &future[start.map_or(0, |(before, _)| before + 1)..end]
}

#[cfg(test)]
mod tests {
    use super::name_of_task;

    #[test]
    fn tasks_have_the_name_of_their_function() {
        let names = [
            ("app::serve::{{closure}}", "app::serve"),
            ("app::serve::{{closure}}::{{closure}}", "app::serve"),
            ("Outer<Inner<app::serve::{{closure}}>>", "app::serve"),
            (
                "Outer<app::serve<Vec<u8>, (u8, u8)>::{{closure}}>",
                "app::serve<Vec<u8>, (u8, u8)>",
            ),
            ("Either<u8, app::serve::{{closure}}>", "app::serve"),
            ("app::Future", "app::Future"),
        ];
        for (future, name) in names {
            assert_eq!(name_of_task(future), name);
        }
    }
}
