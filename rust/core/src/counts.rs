//! How many things of each kind there are (rule 14).

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
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

type Counts = [AtomicI64; KINDS];

/// Of the threads that have ended, or have no shard for another reason.
static ELSEWHERE: Counts = [const { AtomicI64::new(0) }; KINDS];

/// The shards of the threads that are alive.
static SHARDS: Mutex<Vec<Arc<Counts>>> = Mutex::new(Vec::new());

/// The counts of one thread, which alone writes them: so counting needs no
/// atomic read-modify-write. A thing may be counted on one thread and
/// discounted on another; only the sum means something.
struct Shard(Option<Arc<Counts>>);

thread_local! {
    static SHARD: Shard = Shard::new();
}

impl Shard {
    fn new() -> Self {
        // Never waits: in a forked child, a thread that is not there may have
        // the mutex for ever.
        let Ok(mut shards) = SHARDS.try_lock() else {
            return Shard(None);
        };
        let counts = Arc::new(Counts::default());
        shards.push(counts.clone());
        Shard(Some(counts))
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        let Some(counts) = self.0.take() else { return };
        let mut shards = shards();
        for (sum, count) in ELSEWHERE.iter().zip(&*counts) {
            sum.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        shards.retain(|shard| !Arc::ptr_eq(shard, &counts));
    }
}

fn shards() -> MutexGuard<'static, Vec<Arc<Counts>>> {
    // Nothing that can panic runs under this lock.
    SHARDS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(kind: Kind, by: i64) {
    let added = SHARD.try_with(|Shard(counts)| match counts {
        None => false,
        Some(counts) => {
            let count = &counts[kind as usize];
            count.store(count.load(Ordering::Relaxed) + by, Ordering::Relaxed);
            true
        }
    });
    if added != Ok(true) {
        ELSEWHERE[kind as usize].fetch_add(by, Ordering::Relaxed);
    }
}

/// How many things of a kind there are. Any thread may call it; exact when no
/// other thread is making or dropping any.
pub fn count(kind: Kind) -> i64 {
    let shards = shards();
    let here = shards
        .iter()
        .map(|counts| counts[kind as usize].load(Ordering::Relaxed));
    here.sum::<i64>() + ELSEWHERE[kind as usize].load(Ordering::Relaxed)
}

/// Counts as one thing of its kind for as long as it lives, on whichever thread
/// it is made and dropped.
#[derive(Debug)]
pub struct Counted(Kind);

impl Counted {
    /// One more of a kind.
    pub fn new(kind: Kind) -> Self {
        add(kind, 1);
        Counted(kind)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        add(self.0, -1);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Counted, Kind, count};

    // The counts are of the whole process, so this is one test.
    #[test]
    fn things_are_counted_wherever_they_are_made_and_dropped() {
        let kept: Vec<_> = (0..3).map(|_| Counted::new(Kind::Task)).collect();
        assert_eq!(count(Kind::Task), 3);
        let made = std::thread::spawn(|| Counted::new(Kind::Task));
        let made = made.join().unwrap();
        assert_eq!(count(Kind::Task), 4);
        std::thread::spawn(move || drop(kept)).join().unwrap();
        assert_eq!(count(Kind::Task), 1);
        drop(made);
        assert_eq!(count(Kind::Task), 0);
        assert_eq!(count(Kind::Root), 0);
    }
}
