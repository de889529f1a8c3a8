//! Counts the tasks, promises and roots of the process (rule 14).

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

/// A kind of thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tasks of executors.
    Task,
    /// Promises that have a resolver, or another object that settles them.
    Promise,
    /// OCaml values that Rust keeps alive.
    Root,
}

const KINDS: usize = Kind::Root as usize + 1;

// Each thread writes its counts all the time. They are aligned to two cache lines, so
// that two threads do not write the same one.
#[repr(align(128))]
struct Counts([AtomicI64; KINDS]);

/// The counts of threads that have no shard.
static ELSEWHERE: Counts = Counts::new();

/// The shards: the counts of one thread each. They are never freed. A thread that ends
/// leaves its shard, with the counts in it, to a thread that begins. Only the sum of all
/// shards has a meaning, since one thread may count a thing and another one discount it.
static SHARDS: Mutex<Shards> = Mutex::new(Shards {
    all: Vec::new(),
    free: Vec::new(),
});

struct Shards {
    all: Vec<&'static Counts>,
    free: Vec<&'static Counts>,
}

impl Counts {
    const fn new() -> Self {
        Counts([const { AtomicI64::new(0) }; KINDS])
    }
}

thread_local! {
    /// The shard of this thread. No other thread writes it, so counting needs no atomic
    /// read-modify-write. The reference has no destructor, so reading it costs one load.
    static SHARD: Cell<Option<&'static Counts>> = const { Cell::new(None) };

    /// Gives the shard back when the thread ends.
    static TAKEN: Taken = Taken::new();
}

struct Taken(Option<&'static Counts>);

impl Taken {
    fn new() -> Self {
        // This must not wait: in a forked child, the mutex may be locked for ever, by a
        // thread that exists only in the parent.
        let Ok(mut shards) = SHARDS.try_lock() else {
            return Taken(None);
        };
        let shard = shards.free.pop().unwrap_or_else(|| {
            let shard: &'static Counts = Box::leak(Box::new(Counts::new()));
            shards.all.push(shard);
            shard
        });
        Taken(Some(shard))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        SHARD.set(None);
        if let Some(shard) = self.0 {
            shards().free.push(shard);
        }
    }
}

fn shards() -> MutexGuard<'static, Shards> {
    // No code that can panic runs under this lock.
    SHARDS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[inline]
fn add(kind: usize, by: i64) {
    match SHARD.get() {
        Some(counts) => {
            let count = &counts.0[kind];
            count.store(count.load(Ordering::Relaxed) + by, Ordering::Relaxed);
        }
        None => add_slowly(kind, by),
    }
}

#[cold]
fn add_slowly(kind: usize, by: i64) {
    // `try_with` fails while the thread ends.
    if let Ok(Some(shard)) = TAKEN.try_with(|taken| taken.0) {
        SHARD.set(Some(shard));
        return add(kind, by);
    }
    ELSEWHERE.0[kind].fetch_add(by, Ordering::Relaxed);
}

/// The number of things of a kind. Any thread may call it. The number is exact while no
/// other thread makes or drops a thing of this kind.
pub fn count(kind: Kind) -> i64 {
    let shards = shards();
    let all = shards.all.iter().copied().chain([&ELSEWHERE]);
    all.map(|counts| counts.0[kind as usize].load(Ordering::Relaxed))
        .sum()
}

/// Counts as one thing of its kind for as long as it lives. Any thread may make it, and
/// any thread may drop it.
///
/// It has no size, so the object that contains it does not get larger. `KIND` is a
/// [`Kind`] as a number.
#[derive(Debug)]
pub struct Counted<const KIND: usize>(());

/// A task.
pub type CountedTask = Counted<{ Kind::Task as usize }>;

/// A promise.
pub type CountedPromise = Counted<{ Kind::Promise as usize }>;

/// A root.
pub type CountedRoot = Counted<{ Kind::Root as usize }>;

impl<const KIND: usize> Default for Counted<KIND> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const KIND: usize> Counted<KIND> {
    /// One more of the kind.
    pub fn new() -> Self {
        add(KIND, 1);
        Counted(())
    }

    /// Keeps the thing counted although this value is gone. Later
    /// [`again`](Counted::again) makes a new value for the thing.
    pub fn leave(self) {
        std::mem::forget(self);
    }

    /// The value for a thing that was [left](Counted::leave).
    pub fn again() -> Self {
        Counted(())
    }
}

impl<const KIND: usize> Drop for Counted<KIND> {
    fn drop(&mut self) {
        add(KIND, -1);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{CountedTask, Kind, count};

    // The counts belong to the whole process, so there is only one test of them.
    #[test]
    fn things_are_counted_wherever_they_are_made_and_dropped() {
        let kept: Vec<_> = (0..3).map(|_| CountedTask::new()).collect();
        assert_eq!(count(Kind::Task), 3);
        let made = std::thread::spawn(CountedTask::new);
        let made = made.join().unwrap();
        assert_eq!(count(Kind::Task), 4);
        std::thread::spawn(move || drop(kept)).join().unwrap();
        assert_eq!(count(Kind::Task), 1);
        made.leave();
        assert_eq!(count(Kind::Task), 1);
        drop(CountedTask::again());
        assert_eq!(count(Kind::Task), 0);
        assert_eq!(count(Kind::Root), 0);
    }
}
