//! Small numbers for things under way (rule 11).

/// Names one entry of [`Slots`]: the number of its slot, and which of the
/// entries that used the slot in turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// The bits that a slot's number has in a ticket.
const SLOT_BITS: u32 = 24;

/// The most entries that [`Slots`] may have at a time: 2^24.
#[cfg(not(feature = "few-slots"))]
pub const fn most_slots() -> usize {
    1 << SLOT_BITS
}

#[cfg(feature = "few-slots")]
pub use few::{most_slots, set_most_slots};

/// Of programs that test what happens when there are no more: 2^24 of everything would
/// take gigabytes.
#[cfg(feature = "few-slots")]
mod few {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static MOST: AtomicUsize = AtomicUsize::new(1 << super::SLOT_BITS);

    /// The most entries that [`Slots`](super::Slots) may have at a time.
    pub fn most_slots() -> usize {
        MOST.load(Ordering::Relaxed)
    }

    /// Sets it, to 2^24 at most. Slots that there are stay.
    pub fn set_most_slots(most: usize) {
        MOST.store(most.min(1 << super::SLOT_BITS), Ordering::Relaxed);
    }
}

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
    /// The vacant slot to be taken next, or `NONE`.
    vacant: usize,
    completed: Vec<usize>,
}

#[derive(Debug)]
struct Entry<T> {
    turn: u64,
    content: Content<T>,
}

#[derive(Debug)]
enum Content<T> {
    Kept(T),
    /// The vacant slot to be taken after this one, or `NONE`. Also of a slot that is
    /// not to be taken.
    Vacant(usize),
}

/// The number of no slot.
const NONE: usize = usize::MAX;

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
            vacant: NONE,
            completed: Vec::new(),
        }
    }

    /// Whether one more entry may be inserted.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.vacant != NONE || self.entries.len() < most_slots()
    }

    /// Whether nothing is kept. It looks at all slots.
    pub fn is_empty(&self) -> bool {
        let is_vacant = |entry: &Entry<T>| matches!(entry.content, Content::Vacant(_));
        self.entries.iter().all(is_vacant)
    }

    /// Takes a slot and keeps in it what `make` gives.
    ///
    /// # Panics
    ///
    /// If there is no room: see [`has_room`](Slots::has_room).
    #[inline]
    pub fn insert(&mut self, make: impl FnOnce(Ticket) -> T) -> Ticket {
        if self.vacant == NONE {
            self.grow();
        }
        let slot = self.vacant;
        let entry = &mut self.entries[slot];
        let Content::Vacant(next) = entry.content else {
            unreachable!("the list is of vacant slots")
        };
        self.vacant = next;
        entry.turn += 1;
        let ticket = Ticket::new(slot, entry.turn);
        entry.content = Content::Kept(make(ticket));
        ticket
    }

    #[cold]
    fn grow(&mut self) {
        assert!(self.has_room(), "all slots are in use");
        self.vacant = self.entries.len();
        self.entries.push(Entry {
            turn: 0,
            content: Content::Vacant(NONE),
        });
    }

    /// What is kept for `ticket`; `None` if it is gone.
    #[inline]
    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut T> {
        match &mut self.entry(ticket)?.content {
            Content::Kept(kept) => Some(kept),
            Content::Vacant(_) => None,
        }
    }

    /// The entry of `ticket`, to be removed or not; `None` if it is gone.
    #[inline]
    pub fn occupied(&mut self, ticket: Ticket) -> Option<Occupied<'_, T>> {
        let occupied = self.current(ticket.slot())?;
        (occupied.entry.turn == ticket.turn()).then_some(occupied)
    }

    /// The entry in a slot, whichever that is; `None` if there is none.
    #[inline]
    pub fn current(&mut self, slot: usize) -> Option<Occupied<'_, T>> {
        let entry = self.entries.get_mut(slot)?;
        let is_kept = matches!(entry.content, Content::Kept(_));
        is_kept.then_some(Occupied {
            slot,
            entry,
            vacant: &mut self.vacant,
        })
    }

    /// Takes what is kept for `ticket`; the slot can be used at once. `None` if
    /// it is gone already.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        Some(self.occupied(ticket)?.remove())
    }

    /// As [`remove`](Slots::remove), by the slot alone: for a side that has
    /// forgotten every earlier use of the slot.
    pub fn remove_current(&mut self, slot: usize) -> Option<T> {
        Some(self.current(slot)?.remove())
    }

    /// As [`remove`](Slots::remove), but the slot is used again only after the
    /// next [`recycle`](Slots::recycle).
    pub fn complete(&mut self, ticket: Ticket) -> Option<T> {
        let entry = self.occupied(ticket)?.entry;
        let kept = std::mem::replace(&mut entry.content, Content::Vacant(NONE));
        self.completed.push(ticket.slot());
        match kept {
            Content::Kept(kept) => Some(kept),
            Content::Vacant(_) => None,
        }
    }

    /// Takes everything that is kept; the other side has forgotten all slots.
    pub fn take_all(&mut self) -> Vec<T> {
        self.recycle();
        let slots = 0..self.entries.len();
        slots.filter_map(|slot| self.remove_current(slot)).collect()
    }

    /// The other side knows of all completions so far.
    pub fn recycle(&mut self) {
        while let Some(slot) = self.completed.pop() {
            let entry = &mut self.entries[slot];
            entry.content = entry.vacant(slot, &mut self.vacant);
        }
    }

    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry<T>> {
        self.entries
            .get_mut(ticket.slot())
            .filter(|entry| entry.turn == ticket.turn())
    }
}

impl<T> Entry<T> {
    /// The content from now on: the slot can be taken, unless it is out of use.
    #[inline]
    fn vacant(&self, slot: usize, vacant: &mut usize) -> Content<T> {
        Content::Vacant(match self.turn < LAST_TURN {
            true => std::mem::replace(vacant, slot),
            false => NONE,
        })
    }
}

/// An entry of [`Slots`].
#[derive(Debug)]
pub struct Occupied<'s, T> {
    slot: usize,
    entry: &'s mut Entry<T>,
    vacant: &'s mut usize,
}

impl<T> Occupied<'_, T> {
    /// The ticket of the entry.
    #[inline]
    pub fn ticket(&self) -> Ticket {
        Ticket::new(self.slot, self.entry.turn)
    }

    /// What is kept.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        match &mut self.entry.content {
            Content::Kept(kept) => kept,
            Content::Vacant(_) => unreachable!("made of an entry that keeps something"),
        }
    }

    /// Takes what is kept; the slot can be used at once.
    #[inline]
    pub fn remove(self) -> T {
        let vacant = self.entry.vacant(self.slot, self.vacant);
        match std::mem::replace(&mut self.entry.content, vacant) {
            Content::Kept(kept) => kept,
            Content::Vacant(_) => unreachable!("made of an entry that keeps something"),
        }
    }

    /// As [`remove`](Occupied::remove), of something that is dropped where it is.
    #[inline]
    pub fn discard(self) {
        self.entry.content = self.entry.vacant(self.slot, self.vacant);
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
    fn an_entry_is_looked_at_and_then_removed_or_not() {
        let mut slots = Slots::new();
        let first = slots.insert(|_| 'a');
        *slots.occupied(first).unwrap().get_mut() = 'b';
        assert_eq!(slots.get_mut(first), Some(&mut 'b'));
        assert_eq!(slots.occupied(first).unwrap().remove(), 'b');
        assert!(slots.occupied(first).is_none());
        let second = slots.insert(|_| 'c');
        assert_eq!(second.slot(), first.slot());
        assert!(slots.occupied(first).is_none());
        assert_eq!(slots.complete(second), Some('c'));
        assert!(slots.occupied(second).is_none());
        assert_ne!(slots.insert(|_| 'd').slot(), second.slot());
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
