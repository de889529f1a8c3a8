//! How many things of each kind there are (rule 14).

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
    /// Promises with something to settle them.
    Promise,
    /// OCaml values that Rust keeps alive.
    Root,
}

const KINDS: usize = Kind::Root as usize + 1;

// Threads write to theirs all the time: not to the same cache lines.
#[repr(align(128))]
struct Counts([AtomicI64; KINDS]);

/// Of threads that have no shard.
static ELSEWHERE: Counts = Counts::new();

/// The shards, which are never freed: a thread that ends leaves its own, as it is,
/// to one that begins. Only the sum of all means something, since a thing may be
/// counted on one thread and discounted on another.
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
    /// The shard of this thread, which alone writes it: so counting needs no
    /// atomic read-modify-write. Has no destructor, so it costs a load.
    static SHARD: Cell<Option<&'static Counts>> = const { Cell::new(None) };

    /// Gives the shard back.
    static TAKEN: Taken = Taken::new();
}

struct Taken(Option<&'static Counts>);

impl Taken {
    fn new() -> Self {
        // Never waits: in a forked child, a thread that is not there may have
        // the mutex for ever.
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
    // Nothing that can panic runs under this lock.
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
    // Fails while the thread ends.
    if let Ok(Some(shard)) = TAKEN.try_with(|taken| taken.0) {
        SHARD.set(Some(shard));
        return add(kind, by);
    }
    ELSEWHERE.0[kind].fetch_add(by, Ordering::Relaxed);
}

/// How many things of a kind there are. Any thread may call it; exact when no
/// other thread is making or dropping any.
pub fn count(kind: Kind) -> i64 {
    let shards = shards();
    let all = shards.all.iter().copied().chain([&ELSEWHERE]);
    all.map(|counts| counts.0[kind as usize].load(Ordering::Relaxed))
        .sum()
}

/// Counts as one thing of its kind for as long as it lives, on whichever thread
/// it is made and dropped.
///
/// It takes no room, so that what is counted does not get larger. `KIND` is a
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

    /// Counts on without the value, until that is there again.
    pub fn leave(self) {
        std::mem::forget(self);
    }

    /// The value of one that was [left](Counted::leave).
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

    // The counts are of the whole process, so this is one test.
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
