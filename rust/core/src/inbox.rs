//! What other threads hand to an owner (rule 5).

use crate::sync::{Mutex, MutexGuard};

/// Things that any thread leaves for an owner, who takes all of them at a time.
///
/// Whoever leaves something wakes the owner's [`Park`](crate::Park) afterwards, and
/// the owner looks when [`Park::start`](crate::Park::start) says that it was woken.
#[derive(Debug)]
pub struct Inbox<T>(Mutex<Vec<T>>);

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Inbox<T> {
    /// Nothing.
    pub fn new() -> Self {
        Inbox(Mutex::new(Vec::new()))
    }

    /// Leaves something. Any thread may call it.
    pub fn push(&self, item: T) {
        self.lock().push(item);
    }

    /// Takes everything, in the order in which it was left, into `items`, which is
    /// empty; its memory is used for what comes next.
    pub fn take(&self, items: &mut Vec<T>) {
        debug_assert!(items.is_empty());
        std::mem::swap(&mut *self.lock(), items);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // Nothing that can panic runs under this lock, but for want of memory.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Inbox;

    #[test]
    fn all_is_taken_in_order_and_once() {
        let inbox = Inbox::new();
        let mut items = Vec::new();
        inbox.take(&mut items);
        assert!(items.is_empty());
        for item in 0..3 {
            inbox.push(item);
        }
        inbox.take(&mut items);
        assert_eq!(items, [0, 1, 2]);
        items.clear();
        inbox.push(3);
        inbox.take(&mut items);
        assert_eq!(items, [3]);
    }
}
