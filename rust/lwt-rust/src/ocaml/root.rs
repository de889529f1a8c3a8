//! Values kept alive by Rust.

use std::{mem::ManuallyDrop, ptr::NonNull};

use lwt_rust_core::CountedRoot;
use ocaml::sys;

use super::{lock::Lock, value::Val};

/// Keeps an OCaml value alive, and follows it when the collector moves it.
///
/// Any thread may own and drop a root, but the value can be read only with a [`Lock`]. An
/// integer or a constant constructor costs nothing to keep.
//
// A root is one word, since roots are moved often. The word is an immediate value, which
// is odd, or the address of a boxroot, which is even.
pub struct Root(NonNull<sys::Value>);

// SAFETY: a boxroot may be deleted on any thread, with or without a domain's lock (the
// documentation of boxroot says so). All other uses of a `Root` need a `Lock`.
unsafe impl Send for Root {}

// SAFETY: a `&Root` allows only `get` and `raw`. They read a word under the lock of some
// domain, when no collection can be writing it.
unsafe impl Sync for Root {}

const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Root>();
};

impl Root {
    /// Keeps `value` alive. It never runs the collector.
    ///
    /// # Panics
    ///
    /// If there is no memory for the root.
    pub fn new(value: Val<'_>) -> Root {
        let raw = value.raw();
        if sys::is_long(raw) {
            return Root::immediate(raw);
        }
        // SAFETY: a `Val` exists only while this thread holds the lock, and `raw` is
        // valid.
        let root = unsafe { ocaml::root::Root::new(raw) };
        CountedRoot::new().leave();
        let root = ManuallyDrop::new(root);
        // SAFETY: a `BoxRoot` is transparently a pointer, never null, to the cell with
        // the value.
        Root(unsafe { std::mem::transmute_copy(&root.0) })
    }

    /// The root of `raw`, which is an immediate value.
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

    /// Makes the domain's pools of roots count the roots that other threads have dropped.
    /// Returns a root, which is the last one that it made. If the caller drops this root
    /// after a minor collection, the empty pools are freed with the domain.
    ///
    /// boxroot keeps roots in pools of 16 kilobytes. If another thread drops a root,
    /// boxroot counts that only when the pool of the root is full and the domain wants
    /// another root. boxroot frees a pool if the domain of the pool drops the last root
    /// in it, and new roots do not come from this pool. Without this function, the pools
    /// of domains that have ended would never be freed; nothing else depends on it.
    pub(crate) fn settle_all(value: &Root, lock: &Lock) -> Root {
        const POOL: usize = 16384 / size_of::<usize>();
        // So many roots fill the pool in use, a second one, and the first one again.
        let _full: Vec<Root> = (0..3 * POOL).map(|_| Root::new(value.get(lock))).collect();
        Root::new(value.get(lock))
    }

    pub(crate) fn raw(&self, _lock: &Lock) -> sys::Value {
        if self.is_immediate() {
            return self.word();
        }
        // SAFETY: the word is the address of the cell of a boxroot, which was not
        // deleted. The lock is held, so no collection moves the value now.
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
        // SAFETY: as in `new`. Only `drop` deletes the boxroot, and it runs once.
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
