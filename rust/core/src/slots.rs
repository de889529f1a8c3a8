//! A table that gives small numbers to its entries (rule 11).

/// Names one entry of [`Slots`], by the number of its slot and the number of its turn:
/// the entries that use a slot one after the other count 1, 2, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// The number of bits of a slot's number in a ticket.
const SLOT_BITS: u32 = 24;

/// The greatest number of entries that [`Slots`] may have at a time: 2^24.
#[cfg(not(feature = "few-slots"))]
pub const fn most_slots() -> usize {
    1 << SLOT_BITS
}

#[cfg(feature = "few-slots")]
pub use few::{most_slots, set_most_slots};

/// For tests of a full table: 2^24 entries would take gigabytes.
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

/// A slot is retired after this many turns, so that no two tickets are the same. The bits
/// of both numbers fit in an OCaml integer that is not negative.
const LAST_TURN: u64 = (1 << (62 - SLOT_BITS)) - 1;

impl Ticket {
    fn new(slot: usize, turn: u64) -> Self {
        Ticket((turn << SLOT_BITS) | slot as u64)
    }

    /// The number of the slot. It is small, and is used again for later entries.
    pub fn slot(self) -> usize {
        (self.0 & ((1 << SLOT_BITS) - 1)) as usize
    }

    fn turn(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// The ticket as a number below 2^62. No other ticket of the same table ever has this
    /// number.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// A ticket that names no entry of any table.
    pub const NOTHING: Self = Ticket(0);

    /// The ticket from which [`to_bits`](Ticket::to_bits) made `bits`.
    pub fn from_bits(bits: u64) -> Self {
        Ticket(bits)
    }
}

/// A table with a `T` in each numbered slot that is in use.
///
/// For example, Rust keeps a call in slot 5, and OCaml keeps the resolver of the call in
/// place 5 of its own table. OCaml learns only later that the call has completed. Until
/// then the slot must not be used for another call: after [`complete`](Slots::complete)
/// it stays out of use until [`recycle`](Slots::recycle).
#[derive(Debug)]
pub struct Slots<T> {
    entries: Vec<Entry<T>>,
    /// The vacant slot to take next, or `NONE`.
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
    /// The vacant slot to take after this one, or `NONE`. It is also `NONE` in a slot
    /// that must not be taken.
    Vacant(usize),
}

/// A number that no slot has.
const NONE: usize = usize::MAX;

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slots<T> {
    /// An empty table.
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

    /// Takes a slot, and keeps the result of `make` in it.
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

    /// The value that is kept for `ticket`; `None` if it is gone.
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

    /// The entry that is in a slot now; `None` if the slot is vacant.
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

    /// Removes and returns the entry of `ticket`. The slot can be used again at once.
    /// Returns `None` if the entry is gone already.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        Some(self.occupied(ticket)?.remove())
    }

    /// Does as [`remove`](Slots::remove), with the slot alone. It is for a caller that
    /// keeps no number of an earlier entry of the slot.
    pub fn remove_current(&mut self, slot: usize) -> Option<T> {
        Some(self.current(slot)?.remove())
    }

    /// Does as [`remove`](Slots::remove), but the slot is used again only after the next
    /// [`recycle`](Slots::recycle).
    pub fn complete(&mut self, ticket: Ticket) -> Option<T> {
        let entry = self.occupied(ticket)?.entry;
        let kept = std::mem::replace(&mut entry.content, Content::Vacant(NONE));
        self.completed.push(ticket.slot());
        match kept {
            Content::Kept(kept) => Some(kept),
            Content::Vacant(_) => None,
        }
    }

    /// Removes and returns all entries. The other side of the boundary has forgotten all
    /// slots.
    pub fn take_all(&mut self) -> Vec<T> {
        self.recycle();
        let slots = 0..self.entries.len();
        slots.filter_map(|slot| self.remove_current(slot)).collect()
    }

    /// Makes the slots of completed entries vacant. The other side of the boundary knows
    /// of all completions so far.
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
    /// The content of a slot that becomes vacant. If the slot is retired, it is not put
    /// into the list of vacant slots.
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

    /// The value of the entry.
    #[inline]
    pub fn get_mut(&mut self) -> &mut T {
        match &mut self.entry.content {
            Content::Kept(kept) => kept,
            Content::Vacant(_) => unreachable!("made of an entry that keeps something"),
        }
    }

    /// Removes the entry and returns its value. The slot can be used again at once.
    #[inline]
    pub fn remove(self) -> T {
        let vacant = self.entry.vacant(self.slot, self.vacant);
        match std::mem::replace(&mut self.entry.content, vacant) {
            Content::Kept(kept) => kept,
            Content::Vacant(_) => unreachable!("made of an entry that keeps something"),
        }
    }

    /// Does as [`remove`](Occupied::remove), but drops the value in its place.
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
