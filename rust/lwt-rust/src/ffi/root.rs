//! Values kept alive by Rust.

use lwt_rust_core::{Counted, Kind};
use ocaml::sys;

use super::{lock::Lock, value::Val};

/// Keeps an OCaml value alive, and follows it when the collector moves it.
///
/// A root may be sent to and dropped on any thread; only with a [`Lock`] can
/// the value be read. An integer or constant constructor costs nothing to keep.
pub struct Root(Kept);

enum Kept {
    Immediate(sys::Value),
    Boxed {
        root: ocaml::root::Root,
        _counted: Counted,
    },
}

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
            return Root(Kept::Immediate(raw));
        }
        // SAFETY: a `Val` exists only while this thread holds the lock, and it
        // is valid.
        let root = unsafe { ocaml::root::Root::new(raw) };
        Root(Kept::Boxed {
            root,
            _counted: Counted::new(Kind::Root),
        })
    }

    /// `()`.
    pub const UNIT: Root = Root(Kept::Immediate(sys::UNIT));

    /// A `bool`.
    pub(crate) fn of_bool(bool: bool) -> Root {
        Root(Kept::Immediate(if bool { sys::TRUE } else { sys::FALSE }))
    }

    /// Whether it is `()`, or `None`, or another first constant constructor.
    pub(crate) fn is_unit(&self) -> bool {
        matches!(self.0, Kept::Immediate(sys::UNIT))
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
        match &self.0 {
            Kept::Immediate(raw) => *raw,
            // SAFETY: the lock is held, so no collection moves the value now.
            Kept::Boxed { root, .. } => unsafe { root.get() },
        }
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root(..)")
    }
}
