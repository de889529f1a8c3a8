//! Values that live as long as a loan of the lock (rule 3).

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering},
};

use ocaml::sys;

use super::{
    copy::{copy_shared, copy_to_vec},
    lock::Lock,
};

/// The greatest tag of blocks that consist of values. In `caml/mlvalues.h` the greater
/// tags are those of suspensions, continuations, closures, objects, and blocks into which
/// OCaml's collector does not look.
pub(super) const MOST_TAG: u8 = 243;

/// The bits of a header below the size: the tag, and two bits of the collector.
const HEADER_BITS_BELOW_SIZE: u32 = 10;

/// An OCaml value. It is valid until the lock under which it was read is used to
/// allocate, or is given back.
#[derive(Clone, Copy)]
pub struct Val<'l> {
    raw: sys::Value,
    loan: PhantomData<&'l Lock>,
}

impl<'l> Val<'l> {
    /// `()`, and the first constant constructor of any variant.
    pub const UNIT: Val<'static> = Val::immediate(sys::UNIT);

    const fn immediate(raw: sys::Value) -> Val<'static> {
        Val {
            raw,
            loan: PhantomData,
        }
    }

    /// A value that OCaml has given to Rust.
    ///
    /// # Safety
    ///
    /// `raw` is a valid OCaml value now, and no code has allocated since it was read.
    pub(crate) unsafe fn from_raw(_lock: &'l Lock, raw: sys::Value) -> Val<'l> {
        Val {
            raw,
            loan: PhantomData,
        }
    }

    /// Lends the lock that this value was read under, for reading.
    pub(crate) fn loan<R>(self, read: impl FnOnce(&'l Lock) -> R) -> R {
        // SAFETY: the value was read under a `&'l Lock`, so the lock is held and borrowed
        // against allocation for all of `'l`. (An immediate value may have been read
        // without a lock, see `immediate`. No collection changes such a value.)
        let lock = unsafe { Lock::borrowed() };
        read(lock)
    }

    pub(crate) fn raw(self) -> sys::Value {
        self.raw
    }

    /// The OCaml integer `n`, or `None` if it does not fit in OCaml's `int`.
    pub fn int(n: i64) -> Option<Val<'static>> {
        let n = isize::try_from(n).ok()?;
        if !(sys::MIN_FIXNUM..=sys::MAX_FIXNUM).contains(&n) {
            return None;
        }
        // SAFETY: `val_int` only computes.
        Some(Val::immediate(unsafe { sys::val_int(n) }))
    }

    /// The OCaml integer for an index or a size.
    pub(crate) fn from_index(n: usize) -> Val<'static> {
        match i64::try_from(n).ok().and_then(Val::int) {
            Some(int) => int,
            None => unreachable!("nothing in memory has so many elements"),
        }
    }

    /// The OCaml integer for the 62 bits of a ticket.
    pub(crate) fn from_bits(bits: u64) -> Val<'static> {
        match i64::try_from(bits).ok().and_then(Val::int) {
            Some(int) => int,
            None => unreachable!("a ticket fits in an integer of OCaml's"),
        }
    }

    /// The value as an integer, if it is one (or a constant constructor).
    pub fn as_int(self) -> Option<i64> {
        // SAFETY: `int_val` only computes.
        sys::is_long(self.raw).then(|| unsafe { sys::int_val(self.raw) } as i64)
    }

    /// The value as the number of a slot, a wait or the like; `None` if it is no integer
    /// or negative.
    pub(crate) fn as_number(self) -> Option<u64> {
        self.as_int().and_then(|int| u64::try_from(int).ok())
    }

    /// The header of a block; `None` for an immediate value.
    fn header(self) -> Option<usize> {
        if sys::is_long(self.raw) {
            return None;
        }
        let header = (self.raw as *mut usize).wrapping_sub(1);
        // SAFETY: a block has a header before it, and is live while the lock is lent. The
        // collector, or another domain that forces a suspension, may write the header
        // meanwhile, but always as a whole word.
        let header = unsafe { AtomicUsize::from_ptr(header) };
        Some(header.load(Ordering::Relaxed))
    }

    /// The tag of a block; `None` for an immediate value.
    pub fn tag(self) -> Option<u8> {
        self.header().map(|header| header as u8)
    }

    /// Whether the value is a function.
    pub fn is_function(self) -> bool {
        matches!(self.tag(), Some(sys::CLOSURE | sys::INFIX))
    }

    /// The number of fields of a block: of a tuple, a record, a constructor with
    /// arguments, or an array whose elements are not floats.
    ///
    /// It is 0 for every other value. For example, a closure has words that are no
    /// values, and a suspension has a word that another domain may replace.
    pub fn size(self) -> usize {
        match self.header() {
            Some(header) if header as u8 <= MOST_TAG => header >> HEADER_BITS_BELOW_SIZE,
            Some(_) | None => 0,
        }
    }

    /// Field `index` of a block, if it has that field: see [`size`](Val::size).
    pub fn field(self, index: usize) -> Option<Val<'l>> {
        if index >= self.size() {
            return None;
        }
        // SAFETY: the block has that field.
        let place = unsafe { sys::field(self.raw, index) };
        // SAFETY: it is a whole word. Another domain may write it meanwhile with
        // `caml_modify`, a release store: the load below, which acquires, sees the block
        // that the new value points to.
        let place = unsafe { AtomicIsize::from_ptr(place) };
        Some(Val {
            raw: place.load(Ordering::Acquire),
            loan: PhantomData,
        })
    }

    /// Sets a field of a block to `true`, and returns what it was. `None` if there is no
    /// such field.
    ///
    /// # Safety
    ///
    /// The field is a mutable one of type `bool`.
    pub(crate) unsafe fn set_flag(self, index: usize) -> Option<bool> {
        if index >= self.size() {
            return None;
        }
        // SAFETY: the block has that field.
        let place = unsafe { sys::field(self.raw, index) };
        // SAFETY: it is a whole word, and neither value of it is a pointer, so the collector
        // need not know. Another domain may read or write it meanwhile.
        let place = unsafe { AtomicIsize::from_ptr(place) };
        // SAFETY: `val_int` only computes.
        let [no, yes] = [0, 1].map(|n| unsafe { sys::val_int(n) });
        Some(place.swap(yes, Ordering::AcqRel) != no)
    }

    /// A copy of the bytes of a string (or `bytes`), if it is one.
    ///
    /// The bytes are copied, since OCaml code in another domain may write `bytes` at any
    /// time.
    pub fn to_bytes(self) -> Option<Vec<u8>> {
        if self.tag() != Some(sys::STRING) {
            return None;
        }
        // SAFETY: the value is a live string.
        let length = unsafe { sys::caml_string_length(self.raw) };
        // SAFETY: the value is a live string.
        let start = unsafe { sys::string_val(self.raw) };
        // SAFETY: a string has `length` bytes from `start`; it neither moves nor dies
        // while the lock is lent without allocation.
        Some(unsafe { copy_to_vec(start, length) })
    }

    /// A copy of `length` bytes of a string, from position `start` on. `None` for any other
    /// value, and if there are not so many.
    pub(crate) fn bytes_of(self, start: usize, length: usize) -> Option<Vec<u8>> {
        let place = self.part_of_string(start, length)?;
        // SAFETY: the string has `length` bytes there; it neither moves nor dies while the
        // lock is lent without allocation.
        Some(unsafe { copy_to_vec(place, length) })
    }

    /// Copies bytes into a value of type `bytes`, from position `start` on. Returns `false`
    /// for any other value, and if there is no room.
    pub(crate) fn write_bytes(self, start: usize, from: &[u8]) -> bool {
        let Some(place) = self.part_of_string(start, from.len()) else {
            return false;
        };
        // SAFETY: as in `bytes_of`. `from` is memory of Rust, so it is no part of the value.
        unsafe { copy_shared(from.as_ptr(), place, from.len()) };
        true
    }

    fn part_of_string(self, start: usize, length: usize) -> Option<*mut u8> {
        if self.tag() != Some(sys::STRING) {
            return None;
        }
        // SAFETY: the value is a live string.
        let all = unsafe { sys::caml_string_length(self.raw) };
        // SAFETY: the value is a live string.
        let first = unsafe { sys::string_val(self.raw) };
        (start <= all && length <= all - start).then(|| first.wrapping_add(start))
    }

    /// The value as a float, if it is one.
    pub fn as_float(self) -> Option<f64> {
        if self.tag() != Some(sys::DOUBLE) {
            return None;
        }
        // SAFETY: the value is a live boxed float.
        Some(unsafe { sys::caml_sys_double_val(self.raw) })
    }

    /// The elements of an array of floats, or the fields of a record of floats,
    /// which OCaml stores without boxes; `None` for any other value.
    pub fn floats(self) -> Option<impl ExactSizeIterator<Item = f64> + 'l> {
        if self.tag() != Some(sys::DOUBLE_ARRAY) {
            return None;
        }
        let words = self.header().unwrap_or(0) >> HEADER_BITS_BELOW_SIZE;
        let length = words * size_of::<sys::Value>() / size_of::<f64>();
        let start = self.raw as *mut u64;
        Some((0..length).map(move |index| {
            // SAFETY: the block has that element.
            let place = unsafe { start.add(index) };
            // SAFETY: it is an initialised float. Another domain may write it meanwhile,
            // but always the whole float at once.
            let place = unsafe { AtomicU64::from_ptr(place) };
            f64::from_bits(place.load(Ordering::Relaxed))
        }))
    }
}
