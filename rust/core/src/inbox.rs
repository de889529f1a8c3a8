//! The place where other threads leave things for an owner (rule 5).

use crate::sync::{Mutex, MutexGuard};

/// Any thread leaves things here, and wakes slots by their numbers. The owner takes all
/// of them at a time.
///
/// A thread that has left a thing wakes the owner's [`Park`](crate::Park) afterwards. The
/// owner looks into the inbox when [`Park::start`](crate::Park::start) says that it was
/// woken.
#[derive(Debug)]
pub struct Inbox<T>(Mutex<Contents<T>>);

/// The things that were left in an [`Inbox`], and the slots that were woken.
#[derive(Debug)]
pub struct Contents<T> {
    things: Vec<T>,
    woken: SlotSet,
}

/// Numbers of slots, each once.
#[derive(Debug, Default)]
struct SlotSet {
    slots: Vec<usize>,
    /// One bit a slot.
    bits: Vec<u64>,
}

impl SlotSet {
    fn insert(&mut self, slot: usize) {
        let (word, bit) = (slot / 64, 1 << (slot % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if self.bits[word] & bit == 0 {
            self.bits[word] |= bit;
            self.slots.push(slot);
        }
    }

    fn drain(&mut self) -> impl Iterator<Item = usize> {
        let SlotSet { slots, bits } = self;
        slots.drain(..).inspect(|slot| bits[slot / 64] = 0)
    }
}

impl<T> Default for Contents<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Contents<T> {
    /// Contents without things and woken slots.
    pub fn new() -> Self {
        Contents {
            things: Vec::new(),
            woken: SlotSet::default(),
        }
    }

    /// Takes the things out, in the order in which they were left.
    pub fn things(&mut self) -> impl Iterator<Item = T> {
        self.things.drain(..)
    }

    /// Takes the woken slots out, in the order in which they were woken.
    pub fn woken(&mut self) -> impl Iterator<Item = usize> {
        self.woken.drain()
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Inbox<T> {
    /// An empty inbox.
    pub fn new() -> Self {
        Inbox(Mutex::new(Contents::new()))
    }

    /// Leaves a thing for the owner. Any thread may call it.
    pub fn push(&self, thing: T) {
        self.lock().things.push(thing);
    }

    /// Wakes a slot. Until the owner takes the contents, a slot counts once, however
    /// often it is woken. So the number of slots bounds the memory. Any thread may call
    /// it.
    pub fn wake(&self, slot: usize) {
        self.lock().woken.insert(slot);
    }

    /// Moves everything into `contents`, which has to be empty. The inbox uses the memory
    /// of `contents` from then on.
    pub fn take(&self, contents: &mut Contents<T>) {
        debug_assert!(contents.things.is_empty() && contents.woken.slots.is_empty());
        std::mem::swap(&mut *self.lock(), contents);
    }

    fn lock(&self) -> MutexGuard<'_, Contents<T>> {
        // Code under this lock panics only if there is no memory.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Contents, Inbox};

    fn take(inbox: &Inbox<u8>, contents: &mut Contents<u8>) -> (Vec<u8>, Vec<usize>) {
        inbox.take(contents);
        (contents.things().collect(), contents.woken().collect())
    }

    #[test]
    fn all_is_taken_in_order_and_once() {
        let inbox = Inbox::new();
        let mut contents = Contents::new();
        assert_eq!(take(&inbox, &mut contents), (vec![], vec![]));
        for thing in 0..3 {
            inbox.push(thing);
        }
        assert_eq!(take(&inbox, &mut contents), (vec![0, 1, 2], vec![]));
        inbox.push(3);
        assert_eq!(take(&inbox, &mut contents), (vec![3], vec![]));
        assert_eq!(take(&inbox, &mut contents), (vec![], vec![]));
    }

    #[test]
    fn a_slot_is_woken_once_until_it_is_taken() {
        let inbox = Inbox::new();
        let mut contents = Contents::new();
        for round in 0..3 {
            for slot in [70, 0, 63, 70, 64, 0, 200 + round] {
                inbox.wake(slot);
            }
            let expected = vec![70, 0, 63, 64, 200 + round];
            assert_eq!(take(&inbox, &mut contents), (vec![], expected));
        }
    }
}
