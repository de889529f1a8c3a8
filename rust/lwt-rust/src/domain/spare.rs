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
/// The C library keeps only a few blocks of each size at hand, and takes longer for more.
#[derive(Default)]
pub(super) struct Spare {
    /// The layout of all blocks. It changes only when there are none.
    layout: Cell<Option<Layout>>,
    first: Cell<Option<NonNull<Block>>>,
    bytes: Cell<usize>,
}

/// The beginning of a block.
struct Block {
    next: Option<NonNull<Block>>,
}

/// The most bytes that are kept.
const MOST: usize = 256 * 1024;

impl Spare {
    /// Makes a value in the memory where it stays.
    #[inline(always)]
    pub(super) fn boxed<T: Default>(&self) -> Pin<Box<T>> {
        let layout = Layout::new::<T>();
        let mut memory: Box<MaybeUninit<T>> = match self.take(layout) {
            // SAFETY: nothing else refers to the block, and it was allocated with this
            // layout.
            Some(block) => unsafe { Box::from_raw(block.cast().as_ptr()) },
            None => Box::new_uninit(),
        };
        memory.write(T::default());
        // SAFETY: the value was written just now.
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

    /// Drops a value, and keeps its memory. A panic of the destructor is caught and
    /// forgotten.
    #[inline(always)]
    pub(super) fn keep<T: ?Sized>(&self, value: Pin<Box<T>>) {
        let layout = Layout::for_value(&*value);
        // SAFETY: the value is dropped where it is, and not moved before.
        let value = Box::into_raw(unsafe { Pin::into_inner_unchecked(value) });
        // SAFETY: the value belonged to the box, and is not used after this, even if this
        // panics.
        if let Err(payload) = catch_panic(|| unsafe { value.drop_in_place() }) {
            drop_quietly(payload);
        }
        // SAFETY: the pointer of a box is not null.
        let block: NonNull<Block> = unsafe { NonNull::new_unchecked(value) }.cast();
        // This comes after the drop, since the destructor may have used other futures'
        // memory.
        if !self.wants(layout) {
            // SAFETY: the value is dropped, and nothing refers to the block.
            return unsafe { release(block, layout) };
        }
        let next = self.first.get();
        // SAFETY: `wants` has checked that the memory is large enough and aligned for a
        // block.
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

    /// A future of another layout than the kept ones has ended: releases one block, and
    /// takes the new layout over when none is left. Returns whether it has.
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
                // SAFETY: the block was taken from the list, and all blocks have this
                // layout.
                unsafe { release(block, layout) };
            }
        }
    }

    /// Releases all blocks.
    pub(super) fn clear(&self) {
        while self.first.get().is_some() {
            self.release_one();
        }
    }
}

/// Frees a block.
///
/// # Safety
///
/// The block was the box of a value of this layout, and nothing refers to it any more.
unsafe fn release(block: NonNull<Block>, layout: Layout) {
    if layout.size() > 0 {
        // SAFETY: the caller promises it. A box of size 0 has no memory, and is left out.
        unsafe { dealloc(block.cast().as_ptr(), layout) };
    }
}
