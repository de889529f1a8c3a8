//! Values kept alive by Rust.

use std::{mem::ManuallyDrop, ptr::NonNull};

use lwt_rust_core::CountedRoot;
use ocaml::sys;

use super::{lock::Lock, value::Val};

/// Keeps an OCaml value alive, and follows it when the collector moves it.
///
/// A root may be sent to and dropped on any thread; only with a [`Lock`] can
/// the value be read. An integer or constant constructor costs nothing to keep.
//
// One word, since roots are moved often: an immediate value, which is odd, or
// the address of a boxroot, which is even.
pub struct Root(NonNull<sys::Value>);

// SAFETY: a boxroot may be deleted on any thread, with or without a domain's
// lock (the boxroot documentation), and everything else it offers here asks for
// a `Lock`.
unsafe impl Send for Root {}

// SAFETY: sharing a root gives only `get` and `raw`, which read a word under
// the lock of some domain, when no collection can be writing it.
unsafe impl Sync for Root {}

const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Root>();
};

impl Root {
    /// Keeps `value` alive. Never runs the collector.
    ///
    /// # Panics
    ///
    /// If there is no memory for the root.
    pub fn new(value: Val<'_>) -> Root {
        let raw = value.raw();
        if sys::is_long(raw) {
            return Root::immediate(raw);
        }
        // SAFETY: a `Val` exists only while this thread holds the lock, and it
        // is valid.
        let root = unsafe { ocaml::root::Root::new(raw) };
        CountedRoot::new().leave();
        let root = ManuallyDrop::new(root);
        // SAFETY: a `BoxRoot` is, transparently, a pointer that is not null to the
        // cell with the value.
        Root(unsafe { std::mem::transmute_copy(&root.0) })
    }

    /// `raw` is an immediate value.
    const fn immediate(raw: sys::Value) -> Root {
        match NonNull::new(std::ptr::without_provenance_mut(raw as usize)) {
            Some(word) => Root(word),
            None => panic!("an immediate value is odd"),
        }
    }

    /// `()`.
    pub const UNIT: Root = Root::immediate(sys::UNIT);

    /// A `bool`.
    pub(crate) fn of_bool(bool: bool) -> Root {
        Root::immediate(if bool { sys::TRUE } else { sys::FALSE })
    }

    #[inline]
    fn word(&self) -> sys::Value {
        self.0.as_ptr().addr() as sys::Value
    }

    #[inline]
    fn is_immediate(&self) -> bool {
        sys::is_long(self.word())
    }

    /// Whether it is `()`, or `None`, or another first constant constructor.
    pub(crate) fn is_unit(&self) -> bool {
        self.word() == sys::UNIT
    }

    /// The value.
    pub fn get<'l>(&self, lock: &'l Lock) -> Val<'l> {
        // SAFETY: the root keeps the value valid, and `lock` is borrowed
        // against allocation.
        unsafe { Val::from_raw(lock, self.raw(lock)) }
    }

    /// Makes the domain's pools of roots count those that other threads have
    /// dropped, and gives the last root that was made. When that is dropped, after
    /// a minor collection, the pools that have no roots are freed with the
    /// domain.
    ///
    /// boxroot keeps roots in pools of 16 kilobytes. A root that another thread
    /// drops is counted when its pool is full and another root is wanted; a pool
    /// is freed if its last root is dropped by its own domain, and it is not the
    /// one that new roots come from. All this is about memory alone: were it
    /// otherwise, the pools of domains that have ended would stay.
    pub(crate) fn settle_all(value: &Root, lock: &Lock) -> Root {
        const POOL: usize = 16384 / size_of::<usize>();
        // The pool in use, a second one, and the first one again.
        let _full: Vec<Root> = (0..3 * POOL).map(|_| Root::new(value.get(lock))).collect();
        Root::new(value.get(lock))
    }

    pub(super) fn raw(&self, _lock: &Lock) -> sys::Value {
        if self.is_immediate() {
            return self.word();
        }
        // SAFETY: it is the cell of a boxroot that was not deleted; the lock is
        // held, so no collection moves the value now.
        unsafe { self.0.read() }
    }
}

impl Drop for Root {
    #[inline]
    fn drop(&mut self) {
        if !self.is_immediate() {
            self.delete();
        }
    }
}

impl Root {
    fn delete(&mut self) {
        drop(CountedRoot::again());
        // SAFETY: as in `new`. It is deleted once.
        drop(ocaml::root::Root(unsafe {
            std::mem::transmute_copy(&self.0)
        }));
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root(..)")
    }
}
