//! The wake-up state of an executor (rule 5).

use crate::sync::{AtomicU8, Ordering};

/// Nobody is polling and nothing asked for a poll.
///
/// Set by `new` and by [`Park::finish`]. The only state in which a wake-up has
/// to be delivered.
const PARKED: u8 = 0;

/// The owner is polling and has not been woken since it last looked.
///
/// Set by [`Park::start`], by the owner alone.
const POLLING: u8 = 1;

/// A poll is owed: the owner was woken, or left with work to do.
///
/// Set by [`Park::wake`] on any thread and by [`Park::leave_woken`]. Who sets it
/// from `PARKED` delivers the wake-up; from `POLLING` the owner sees it before
/// it parks.
const WOKEN: u8 = 2;

/// Decides which wake-ups of an executor have to be delivered.
///
/// An executor is polled by one owner and woken by anybody. A wake-up costs one
/// atomic operation; only the first after the owner parked has to reach it by
/// other means, such as a notification. Whoever makes work available does so
/// *before* calling [`wake`](Park::wake), and the owner calls
/// [`start`](Park::start) *before* it looks for work. Then no wake-up is lost:
/// all operations are read-modify-writes of one atomic, so each `wake` comes
/// either before the `finish` that parks, which then fails, or after it, and
/// then `wake` returns `true`.
#[derive(Debug)]
pub struct Park(AtomicU8);

impl Default for Park {
    fn default() -> Self {
        Self::new()
    }
}

impl Park {
    /// A parked owner that nothing has woken yet.
    pub fn new() -> Self {
        Park(AtomicU8::new(PARKED))
    }

    /// Records that there is work. Any thread may call it; it never blocks.
    ///
    /// Returns `true` if the owner is parked and this is the first wake-up
    /// since: the caller must then see to it that the owner polls.
    #[must_use]
    pub fn wake(&self) -> bool {
        self.0.swap(WOKEN, Ordering::AcqRel) == PARKED
    }

    /// Whether a poll is owed. Exact for the owner while it is not polling, a
    /// hint for everybody else.
    pub fn is_woken(&self) -> bool {
        self.0.load(Ordering::Acquire) == WOKEN
    }

    /// The owner begins to look for work; earlier wake-ups are thereby answered.
    ///
    /// Returns whether there were any since the owner looked last.
    pub fn start(&self) -> bool {
        self.0.swap(POLLING, Ordering::AcqRel) == WOKEN
    }

    /// The owner found nothing more to do and wants to park.
    ///
    /// Returns `false` if it was woken since [`start`](Park::start): it has not
    /// parked and must look again.
    #[must_use]
    pub fn finish(&self) -> bool {
        self.0
            .compare_exchange(POLLING, PARKED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The owner stops with work left and has made sure that it comes back:
    /// until then no wake-up has to be delivered.
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
    fn owner_that_leaves_work_needs_no_delivery() {
        let park = Park::new();
        park.start();
        park.leave_woken();
        assert!(park.is_woken());
        assert!(!park.wake());
    }
}
