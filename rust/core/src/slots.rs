//! Small numbers for the calls under way.

/// Names one call: the number of its slot, and which of the calls that used
/// the slot in turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    slot: usize,
    turn: u64,
}

impl Ticket {
    /// The number of the slot. Numbers are small and used again.
    pub fn slot(self) -> usize {
        self.slot
    }
}

/// What ending a call found.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// The call was under way; this is what was kept for it.
    Now(T),
    /// The call had ended before.
    Before,
}

/// The calls under way, each in a numbered slot with a `T` kept for it.
///
/// The other side of the boundary keeps a table with the same numbers. It
/// learns that a call has completed only when it reads the completions, so the
/// slot of a completed call stays out of use until
/// [`recycle`](Slots::recycle) says that they were read.
#[derive(Debug)]
pub struct Slots<T> {
    entries: Vec<Entry<T>>,
    free: Vec<usize>,
    completed: Vec<usize>,
}

#[derive(Debug)]
struct Entry<T> {
    turn: u64,
    kept: Option<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots {
            entries: Vec::new(),
            free: Vec::new(),
            completed: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// The number of calls under way.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len() - self.completed.len()
    }

    /// Whether no call is under way.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a slot for a call and keeps for it what `make` gives.
    pub fn insert(&mut self, make: impl FnOnce(Ticket) -> T) -> Ticket {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry {
                turn: 0,
                kept: None,
            });
            self.entries.len() - 1
        });
        let entry = &mut self.entries[slot];
        entry.turn += 1;
        let ticket = Ticket {
            slot,
            turn: entry.turn,
        };
        entry.kept = Some(make(ticket));
        ticket
    }

    /// The call has completed. Its slot is used again after the next
    /// [`recycle`](Slots::recycle).
    pub fn complete(&mut self, ticket: Ticket) -> Ended<T> {
        let entry = &mut self.entries[ticket.slot];
        if entry.turn != ticket.turn {
            return Ended::Before;
        }
        match entry.kept.take() {
            Some(kept) => {
                self.completed.push(ticket.slot);
                Ended::Now(kept)
            }
            None => Ended::Before,
        }
    }

    /// The call in `slot` is given up by the other side, which has forgotten
    /// it: the slot can be used at once.
    pub fn cancel(&mut self, slot: usize) -> Ended<T> {
        match self
            .entries
            .get_mut(slot)
            .and_then(|entry| entry.kept.take())
        {
            Some(kept) => {
                self.free.push(slot);
                Ended::Now(kept)
            }
            None => Ended::Before,
        }
    }

    /// All completions so far were read.
    pub fn recycle(&mut self) {
        self.free.append(&mut self.completed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Ended, Slots};

    #[test]
    fn slot_of_a_completed_call_waits_for_the_reader() {
        let mut slots = Slots::default();
        let first = slots.insert(|_| 'a');
        assert_eq!(slots.complete(first), Ended::Now('a'));
        assert!(slots.is_empty());
        let second = slots.insert(|_| 'b');
        assert_ne!(first.slot(), second.slot());
        slots.recycle();
        assert_eq!(slots.insert(|_| 'c').slot(), first.slot());
        assert_eq!(slots.len(), 2);
    }

    #[test]
    fn completion_after_cancel_does_not_reach_the_next_call() {
        let mut slots = Slots::default();
        let first = slots.insert(|_| 'a');
        assert_eq!(slots.cancel(first.slot()), Ended::Now('a'));
        let second = slots.insert(|_| 'b');
        assert_eq!(first.slot(), second.slot());
        assert_eq!(slots.complete(first), Ended::Before);
        assert_eq!(slots.complete(second), Ended::Now('b'));
    }

    #[test]
    fn cancel_after_completion_and_of_an_unknown_slot() {
        let mut slots = Slots::default();
        let first = slots.insert(|_| 'a');
        assert_eq!(slots.complete(first), Ended::Now('a'));
        assert_eq!(slots.cancel(first.slot()), Ended::Before);
        assert_eq!(slots.cancel(9), Ended::Before);
        assert!(slots.is_empty());
    }

    #[test]
    fn slots_are_used_again() {
        let mut slots = Slots::default();
        for _ in 0..1000 {
            let ticket = slots.insert(|_| ());
            assert!(ticket.slot() < 2);
            assert_eq!(slots.complete(ticket), Ended::Now(()));
            slots.recycle();
        }
    }
}
