//! Memory for futures.

use std::{
    alloc::{Layout, dealloc},
    cell::Cell,
    mem::MaybeUninit,
    pin::Pin,
    ptr::NonNull,
};

use lwt_rust_core::{catch_panic, drop_quietly};

/// The memory of futures that have ended, for the next ones of the same layout.
///
/// The C library has few blocks of a size at hand, and takes its time for others.
#[derive(Default)]
pub(super) struct Spare {
    /// Of all blocks. Whoever changes it has released them.
    layout: Cell<Option<Layout>>,
    first: Cell<Option<NonNull<Block>>>,
    bytes: Cell<usize>,
}

/// What a block begins with.
struct Block {
    next: Option<NonNull<Block>>,
}

/// As much is kept.
const MOST: usize = 256 * 1024;

impl Spare {
    /// Makes a value where it stays.
    #[inline(always)]
    pub(super) fn boxed<T: Default>(&self) -> Pin<Box<T>> {
        let layout = Layout::new::<T>();
        let mut memory: Box<MaybeUninit<T>> = match self.take(layout) {
            // SAFETY: it is nobody else's, and was allocated with this layout.
            Some(block) => unsafe { Box::from_raw(block.cast().as_ptr()) },
            None => Box::new_uninit(),
        };
        memory.write(T::default());
        // SAFETY: it was written just now.
        Box::into_pin(unsafe { memory.assume_init() })
    }

    #[inline(always)]
    fn take(&self, layout: Layout) -> Option<NonNull<Block>> {
        if self.layout.get() != Some(layout) {
            return None;
        }
        let block = self.first.get()?;
        // SAFETY: a block that was kept has been written to as one.
        self.first.set(unsafe { block.as_ref() }.next);
        self.bytes.set(self.bytes.get() - layout.size());
        Some(block)
    }

    /// Drops a value, and keeps its memory. A panic of its destructor goes nowhere.
    #[inline(always)]
    pub(super) fn keep<T: ?Sized>(&self, value: Pin<Box<T>>) {
        let layout = Layout::for_value(&*value);
        // SAFETY: it is dropped where it is, and not moved before.
        let value = Box::into_raw(unsafe { Pin::into_inner_unchecked(value) });
        // SAFETY: it was the box's, and is used no more, even if that panics.
        if let Err(payload) = catch_panic(|| unsafe { value.drop_in_place() }) {
            drop_quietly(payload);
        }
        // SAFETY: the pointer of a box is not null.
        let block: NonNull<Block> = unsafe { NonNull::new_unchecked(value) }.cast();
        // Not before: its destructor may have used other futures.
        if !self.wants(layout) {
            // SAFETY: the value is dropped, and nobody knows of the block.
            return unsafe { release(block, layout) };
        }
        let next = self.first.get();
        // SAFETY: it is large enough and aligned for a block.
        unsafe { block.write(Block { next }) };
        self.first.set(Some(block));
        self.bytes.set(self.bytes.get() + layout.size());
    }

    #[inline(always)]
    fn wants(&self, layout: Layout) -> bool {
        if self.layout.get() == Some(layout) {
            return self.bytes.get() < MOST;
        }
        self.adapt(layout)
    }

    /// What ends now is of another layout than what did: as much of that is given up.
    #[cold]
    fn adapt(&self, layout: Layout) -> bool {
        self.release_one();
        let is_block = layout.size() >= size_of::<Block>() && layout.align() >= align_of::<Block>();
        let adapts = is_block && self.first.get().is_none();
        if adapts {
            self.layout.set(Some(layout));
        }
        adapts
    }

    fn release_one(&self) {
        if let Some(layout) = self.layout.get() {
            if let Some(block) = self.take(layout) {
                // SAFETY: it is taken, and all of them are of this layout.
                unsafe { release(block, layout) };
            }
        }
    }

    /// Gives the memory up.
    pub(super) fn clear(&self) {
        while self.first.get().is_some() {
            self.release_one();
        }
    }
}

/// Gives a block back.
///
/// # Safety
///
/// It was the box's of a value of this layout, and is nobody's any more.
unsafe fn release(block: NonNull<Block>, layout: Layout) {
    if layout.size() > 0 {
        // SAFETY: the caller says so; a box of no size has no memory.
        unsafe { dealloc(block.cast().as_ptr(), layout) };
    }
}
