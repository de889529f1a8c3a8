//! Small numbers for things under way (rule 11).

/// Names one entry of [`Slots`]: the number of its slot, and which of the
/// entries that used the slot in turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// The bits that a slot's number has in a ticket.
const SLOT_BITS: u32 = 24;

/// A slot is out of use after this many turns, so that no two tickets are the
/// same. All bits together fit in an OCaml integer without its sign.
const LAST_TURN: u64 = (1 << (62 - SLOT_BITS)) - 1;

impl Ticket {
    fn new(slot: usize, turn: u64) -> Self {
        Ticket((turn << SLOT_BITS) | slot as u64)
    }

    /// The number of the slot. Numbers are small and used again.
    pub fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }

    fn turn(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// The ticket as a number below 2^62, which no other ticket of the same
    /// slots ever is.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The ticket that [`to_bits`](Ticket::to_bits) made `bits` of.
    pub fn from_bits(bits: u64) -> Self {
        Ticket(bits)
    }
}

/// Things under way, each in a numbered slot with a `T` kept for it.
///
/// The other side of the boundary knows them by their numbers. Where it keeps a
/// table with the same numbers, and learns only later that something has
/// completed, the slot stays out of use until [`recycle`](Slots::recycle) says
/// that it knows.
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
        Self::new()
    }
}

impl<T> Slots<T> {
    /// No slots.
    pub const fn new() -> Self {
        Slots {
            entries: Vec::new(),
            free: Vec::new(),
            completed: Vec::new(),
        }
    }

    /// Takes a slot and keeps in it what `make` gives.
    ///
    /// # Panics
    ///
    /// If 2^24 slots are in use.
    pub fn insert(&mut self, make: impl FnOnce(Ticket) -> T) -> Ticket {
        let slot = self.free.pop().unwrap_or_else(|| {
            assert!(
                self.entries.len() < 1 << SLOT_BITS,
                "too many promises are pending at a time"
            );
            self.entries.push(Entry {
                turn: 0,
                kept: None,
            });
            self.entries.len() - 1
        });
        let entry = &mut self.entries[slot];
        entry.turn += 1;
        let ticket = Ticket::new(slot, entry.turn);
        entry.kept = Some(make(ticket));
        ticket
    }

    /// What is kept for `ticket`; `None` if it is gone.
    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        self.entry(ticket)?.kept.as_mut()
    }

    /// Takes what is kept for `ticket`; the slot can be used at once. `None` if
    /// it is gone already.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let kept = self.entry(ticket)?.kept.take()?;
        self.release(ticket.slot());
        Some(kept)
    }

    /// As [`remove`](Slots::remove), of something that is dropped where it is.
    pub fn discard(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entry(ticket).filter(|entry| entry.kept.is_some()) {
            entry.kept = None;
            self.release(ticket.slot());
        }
    }

    /// As [`remove`](Slots::remove), by the slot alone: for a side that has
    /// forgotten every earlier use of the slot.
    pub fn remove_current(&mut self, slot: usize) -> Option<T> {
        let kept = self.entries.get_mut(slot)?.kept.take()?;
        self.release(slot);
        Some(kept)
    }

    /// As [`remove`](Slots::remove), but the slot is used again only after the
    /// next [`recycle`](Slots::recycle).
    pub fn complete(&mut self, ticket: Ticket) -> Option<T> {
        let kept = self.entry(ticket)?.kept.take()?;
        self.completed.push(ticket.slot());
        Some(kept)
    }

    /// Takes everything that is kept; the other side has forgotten all slots.
    pub fn take_all(&mut self) -> Vec<T> {
        self.recycle();
        let mut all = Vec::new();
        for slot in 0..self.entries.len() {
            if let Some(kept) = self.entries[slot].kept.take() {
                self.release(slot);
                all.push(kept);
            }
        }
        all
    }

    /// The other side knows of all completions so far.
    pub fn recycle(&mut self) {
        while let Some(slot) = self.completed.pop() {
            self.release(slot);
        }
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry<T>> {
        self.entries
            .get_mut(ticket.slot())
            .filter(|entry| entry.turn == ticket.turn())
    }

    fn release(&mut self, slot: usize) {
        if self.entries[slot].turn < LAST_TURN {
            self.free.push(slot);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{LAST_TURN, Slots, Ticket};

    #[test]
    fn slot_of_a_completed_entry_waits_for_the_reader() {
        let mut slots = Slots::new();
        let first = slots.insert(|_| 'a');
        assert_eq!(slots.complete(first), Some('a'));
        let second = slots.insert(|_| 'b');
        assert_ne!(first.slot(), second.slot());
        slots.recycle();
        assert_eq!(slots.insert(|_| 'c').slot(), first.slot());
    }

    #[test]
    fn completion_after_removal_does_not_reach_the_next_entry() {
        let mut slots = Slots::new();
        let first = slots.insert(|_| 'a');
        assert_eq!(slots.remove_current(first.slot()), Some('a'));
        let second = slots.insert(|_| 'b');
        assert_eq!(first.slot(), second.slot());
        assert_eq!(slots.complete(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut 'b'));
        assert_eq!(slots.complete(second), Some('b'));
    }

    #[test]
    fn what_is_gone_is_not_there() {
        let mut slots = Slots::new();
        let first = slots.insert(|_| 'a');
        assert_eq!(slots.remove(first), Some('a'));
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.remove_current(first.slot()), None);
        assert_eq!(slots.remove_current(9), None);
        assert_eq!(slots.remove(Ticket::from_bits(77)), None);
    }

    #[test]
    fn what_is_discarded_is_gone_and_its_slot_used_again() {
        let mut slots = Slots::new();
        let first = slots.insert(|_| 'a');
        slots.discard(first);
        assert_eq!(slots.get_mut(first), None);
        let second = slots.insert(|_| 'b');
        assert_eq!(second.slot(), first.slot());
        slots.discard(first);
        assert_eq!(slots.remove(second), Some('b'));
        slots.discard(second);
        assert_ne!(slots.insert(|_| 'c').slot(), slots.insert(|_| 'd').slot());
    }

    #[test]
    fn slots_are_used_again() {
        let mut slots = Slots::new();
        for _ in 0..1000 {
            let ticket = slots.insert(|_| ());
            assert!(ticket.slot() < 2);
            assert_eq!(slots.complete(ticket), Some(()));
            slots.recycle();
        }
    }

    #[test]
    fn all_that_is_kept_is_taken_once() {
        let mut slots = Slots::new();
        let tickets = ['a', 'b', 'c', 'd'].map(|name| slots.insert(|_| name));
        assert_eq!(slots.remove(tickets[1]), Some('b'));
        assert_eq!(slots.complete(tickets[3]), Some('d'));
        assert_eq!(slots.take_all(), ['a', 'c']);
        assert_eq!(slots.take_all(), []);
        assert_eq!(slots.remove(tickets[0]), None);
        for _ in 0..4 {
            assert!(slots.insert(|_| 'e').slot() < 4);
        }
    }

    #[test]
    fn tickets_are_different_numbers() {
        let mut slots = Slots::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100 {
            let (first, second) = (slots.insert(|_| ()), slots.insert(|_| ()));
            for ticket in [first, second] {
                assert_eq!(Ticket::from_bits(ticket.to_bits()), ticket);
                assert!(ticket.to_bits() < 1 << 62);
                assert!(seen.insert(ticket.to_bits()));
                assert_eq!(slots.remove(ticket), Some(()));
            }
        }
    }

    #[test]
    fn a_slot_is_retired_before_its_tickets_repeat() {
        let mut slots = Slots::new();
        let first = slots.insert(|_| ());
        slots.entries[first.slot()].turn = LAST_TURN;
        let last = Ticket::new(first.slot(), LAST_TURN);
        assert_eq!(Ticket::from_bits(last.to_bits()), last);
        assert_eq!(slots.remove(last), Some(()));
        assert_ne!(slots.insert(|_| ()).slot(), first.slot());
    }
}
