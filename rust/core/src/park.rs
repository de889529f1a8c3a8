//! The wake-up state of an executor (rule 5).

use crate::sync::{AtomicU8, Ordering};

/// The owner is not polling, and no thread has asked for a poll.
///
/// Set by `new` and by [`Park::finish`]. It is the only state in which a wake-up has to
/// be delivered.
const PARKED: u8 = 0;

/// The owner is polling and has not been woken since it last looked.
///
/// Set by [`Park::start`], by the owner alone.
const POLLING: u8 = 1;

/// The owner has to poll: a thread has woken it, or it has stopped with work left.
///
/// Set by [`Park::wake`] on any thread and by [`Park::leave_woken`]. The thread that
/// changes it from `PARKED` delivers the wake-up. If it was `POLLING`, the owner sees the
/// change before it parks.
const WOKEN: u8 = 2;

/// Decides which wake-ups of an executor have to be delivered.
///
/// One owner polls an executor, and any thread may wake it. A wake-up costs one atomic
/// operation. Only the first wake-up after the owner has parked has to reach it by other
/// means, such as a notification.
///
/// A thread makes work available *before* it calls [`wake`](Park::wake), and the owner
/// calls [`start`](Park::start) *before* it looks for work. Then no wake-up is lost. All
/// operations are read-modify-writes of one atomic, so there are two cases. Either a
/// `wake` comes before the `finish` that would park, and that `finish` fails. Or it comes
/// after the `finish`, and then `wake` returns `true`.
#[derive(Debug)]
pub struct Park(AtomicU8);

impl Default for Park {
    fn default() -> Self {
        Self::new()
    }
}

impl Park {
    /// A parked owner that no thread has woken yet.
    pub fn new() -> Self {
        Park(AtomicU8::new(PARKED))
    }

    /// Records that there is work. Any thread may call it; it never blocks.
    ///
    /// Returns `true` if the owner is parked and this is the first wake-up since. Then
    /// the caller must make the owner poll, for example by a notification.
    #[must_use]
    pub fn wake(&self) -> bool {
        self.0.swap(WOKEN, Ordering::AcqRel) == PARKED
    }

    /// Whether the owner has to poll. The answer is exact for the owner while it is not
    /// polling, and a hint for other threads.
    pub fn is_woken(&self) -> bool {
        self.0.load(Ordering::Acquire) == WOKEN
    }

    /// The owner begins to look for work. That answers all earlier wake-ups.
    ///
    /// Returns whether a thread has woken the owner since the owner looked last.
    pub fn start(&self) -> bool {
        self.0.swap(POLLING, Ordering::AcqRel) == WOKEN
    }

    /// The owner found nothing more to do and wants to park.
    ///
    /// Returns `false` if a thread has woken the owner since [`start`](Park::start). Then
    /// the owner has not parked, and must look again.
    #[must_use]
    pub fn finish(&self) -> bool {
        self.0
            .compare_exchange(POLLING, PARKED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The owner stops looking for work in the middle of it, since it is about to run other
    /// code. From now on wake-ups have to be delivered.
    ///
    /// The owner has to look whether it was [woken](Park::is_woken) while it was polling.
    /// Its own [`finish`](Park::finish) fails afterwards, so it looks for work again.
    pub fn interrupt(&self) {
        // The owner alone writes `POLLING`. So if another state is read, there is nothing to
        // do, and the operation, which takes longer, is left out.
        if self.0.load(Ordering::Relaxed) == POLLING {
            let _ = self.finish();
        }
    }

    /// The owner stops with work left, and has made sure that it will poll again. Until
    /// then no wake-up has to be delivered.
    pub fn leave_woken(&self) {
        self.0.swap(WOKEN, Ordering::AcqRel);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Park;

    #[test]
    fn first_wake_after_parking_is_delivered_and_later_ones_are_not() {
        let park = Park::new();
        assert!(park.wake());
        assert!(!park.wake());
        assert!(park.start());
        assert!(park.finish());
        assert!(!park.start());
        assert!(park.finish());
        assert!(park.wake());
    }

    #[test]
    fn wake_while_polling_keeps_the_owner_from_parking() {
        let park = Park::new();
        park.start();
        assert!(!park.wake());
        assert!(!park.finish());
        assert!(park.is_woken());
        park.start();
        assert!(park.finish());
        assert!(!park.is_woken());
    }

    #[test]
    fn wake_after_an_interruption_is_delivered() {
        let park = Park::new();
        park.start();
        park.interrupt();
        assert!(!park.is_woken());
        assert!(park.wake());
        assert!(!park.finish());
        assert!(park.start());
        assert!(park.finish());
    }

    #[test]
    fn interruption_keeps_an_earlier_wake() {
        let park = Park::new();
        park.start();
        assert!(!park.wake());
        park.interrupt();
        assert!(park.is_woken());
    }

    #[test]
    fn owner_that_leaves_work_needs_no_delivery() {
        let park = Park::new();
        park.start();
        park.leave_woken();
        assert!(park.is_woken());
        assert!(!park.wake());
    }
}
