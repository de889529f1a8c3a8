//! The proof that a thread holds its domain's lock (rule 2).

use std::{fmt, marker::PhantomData};

use ocaml::sys;

use super::{
    access::{Access, access, call_ocaml, set_access},
    root::Root,
    value::{MOST_TAG, Val},
};

/// Proves that this thread holds the domain's lock.
///
/// With a `&Lock`, code may read OCaml values. With a `&mut Lock`, it may allocate them
/// and call OCaml. A `Lock` can be neither made nor sent to another thread, only borrowed
/// from [`with_lock`]. So it never crosses an `.await`.
pub struct Lock(PhantomData<*mut ()>);

/// Lends the domain's lock to `f`. Never blocks: the lock is held already.
///
/// # Panics
///
/// If the calling thread is not running a task of a domain, or has borrowed the lock
/// already (inside another `with_lock`). [`try_with_lock`] never panics.
#[inline(always)]
#[track_caller]
pub fn with_lock<R>(f: impl FnOnce(&mut Lock) -> R) -> R {
    match try_with_lock(f) {
        Some(result) => result,
        None => panic!(
            "OCaml values can be used only by a task that runs in a domain, one `with_lock` at \
             a time; spawn the work with `lwt_rust::spawn`"
        ),
    }
}

/// Lends the domain's lock to `f`. Returns `None` where [`with_lock`] would panic.
#[inline(always)]
pub fn try_with_lock<R>(f: impl FnOnce(&mut Lock) -> R) -> Option<R> {
    if access() != Access::Free {
        return None;
    }
    let _taken = set_access(Access::Taken);
    Some(f(&mut Lock(PhantomData)))
}

impl Val<'_> {
    /// The system's error number for a `Unix.error`.
    pub(crate) fn errno(self) -> i32 {
        // SAFETY: it only reads the value: a constant constructor, or a block with a number.
        // For another number it returns another errno.
        unsafe { caml_unix_code_of_unix_error(self.raw()) }
    }
}

impl Lock {
    /// The lock, for a stub that OCaml has just called.
    ///
    /// # Safety
    ///
    /// The calling thread holds its domain's lock for as long as the `Lock` exists, and
    /// no other code on this thread has a `Lock` meanwhile.
    pub(crate) unsafe fn assume() -> Lock {
        Lock(PhantomData)
    }

    /// The lock, for reading only.
    ///
    /// # Safety
    ///
    /// A `&'l Lock` was lent on this thread for all of `'l`.
    pub(super) unsafe fn borrowed<'l>() -> &'l Lock {
        static LOCK: Shared = Shared(Lock(PhantomData));
        &LOCK.0
    }

    /// Runs `f`, which may borrow the lock again with [`with_lock`].
    pub(crate) fn lend<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let _free = set_access(Access::Free);
        f()
    }

    /// Calls an OCaml closure with one to three arguments. The caller has to know that
    /// the closure takes arguments of these types.
    ///
    /// # Errors
    ///
    /// The exception that left the closure.
    #[inline]
    pub(crate) fn call(&mut self, closure: &Root, arguments: &[&Root]) -> Result<Val<'_>, Raised> {
        assert!(
            closure.get(self).is_function(),
            "a value that is no function was called: the type of an external is wrong"
        );
        let function = closure.raw(self);
        let raw = |argument: &Root| argument.raw(self);
        let calling = call_ocaml();
        let result = match *arguments {
            // SAFETY: the lock is held and `function` is a closure. `function` and the
            // argument were read from their roots just now, with no allocation in
            // between. The `_exn` variant returns exceptions as values.
            [a] => unsafe { sys::caml_callback_exn(function, raw(a)) },
            // SAFETY: as above.
            [a, b] => unsafe { sys::caml_callback2_exn(function, raw(a), raw(b)) },
            // SAFETY: as above.
            [a, b, c] => unsafe { sys::caml_callback3_exn(function, raw(a), raw(b), raw(c)) },
            _ => panic!(
                "an OCaml closure was called with {} arguments",
                arguments.len()
            ),
        };
        drop(calling);
        if sys::is_exception_result(result) {
            // SAFETY: the low bits mark an exception; without them it is the
            // exception value, live until the next allocation.
            let exception = unsafe { Val::from_raw(self, sys::extract_exception(result)) };
            return Err(Raised(Root::new(exception)));
        }
        // SAFETY: `result` is the value the closure returned, just now.
        Ok(unsafe { Val::from_raw(self, result) })
    }

    /// Allocates a block of `fields`.
    ///
    /// # Panics
    ///
    /// If there is no field, if there are more than 256, or if `tag` is not one of a
    /// block that consists of values.
    pub(crate) fn block(&mut self, tag: u8, fields: &[&Root]) -> Val<'_> {
        assert!((1..=MOST_YOUNG_WORDS).contains(&fields.len()) && tag <= MOST_TAG);
        // SAFETY: the lock is held; the size is small and positive, and every
        // field is initialised below before anything else can allocate.
        let block = unsafe { sys::caml_alloc_small(fields.len(), tag) };
        for (i, field) in fields.iter().enumerate() {
            // SAFETY: the block is young and has that many fields.
            let place = unsafe { sys::field(block, i) };
            // SAFETY: `place` is a field of a fresh young block, which needs no
            // write barrier.
            unsafe { place.write(field.raw(self)) };
        }
        // SAFETY: `block` was allocated just now and is fully initialised.
        unsafe { Val::from_raw(self, block) }
    }

    /// Allocates a block of `words` words, at least one, which it does not initialise.
    /// Returns `None` if OCaml has no memory for it. Unlike `caml_alloc`, it raises no
    /// exception.
    ///
    /// # Safety
    ///
    /// The caller initialises the words before other code can allocate.
    unsafe fn words(&mut self, words: usize, tag: u8) -> Option<sys::Value> {
        if words <= MOST_YOUNG_WORDS {
            // SAFETY: the lock is held, and the size is small and positive. The caller
            // initialises the words.
            return Some(unsafe { sys::caml_alloc_small(words, tag) });
        }
        // SAFETY: the lock is held, and any size may be asked for. The caller initialises
        // the words.
        let block = unsafe { caml_alloc_shr_noexc(words, tag.into()) };
        (block != 0).then_some(block)
    }

    /// Lets the collector keep up with the allocation of large blocks. Returns `block`,
    /// which is initialised.
    fn collected(&mut self, block: sys::Value) -> Val<'_> {
        // SAFETY: the lock is held. The function may collect, but keeps the block alive,
        // and runs no OCaml code.
        let block = unsafe { caml_check_urgent_gc(block) };
        // SAFETY: the function returned the block just now, so it is valid.
        unsafe { Val::from_raw(self, block) }
    }

    /// Allocates a string (or `bytes`) with a copy of `bytes`.
    ///
    /// # Errors
    ///
    /// If OCaml has no memory for it.
    pub fn string(&mut self, bytes: &[u8]) -> Result<Val<'_>, NoMemory> {
        let length = bytes.len();
        // OCaml fills the block of a string up with at least one byte. The last byte of
        // the block says how many filling bytes there are before it.
        let words = length / WORD + 1;
        // SAFETY: all of it is written below.
        let block = unsafe { self.words(words, sys::STRING) }.ok_or(NoMemory {
            what: "a string",
            length,
            of: "bytes",
        })?;
        // SAFETY: the block has so many words.
        let last = unsafe { sys::field(block, words - 1) };
        // SAFETY: it is a word of a fresh block, into which the collector does not look.
        unsafe { last.write(0) };
        let start = block as *mut u8;
        // SAFETY: the last byte of the block.
        let rest = unsafe { start.add(words * WORD - 1) };
        // SAFETY: as above.
        unsafe { rest.write((words * WORD - 1 - length) as u8) };
        // SAFETY: the block has room for the bytes, and no other code knows it yet.
        unsafe { start.copy_from_nonoverlapping(bytes.as_ptr(), length) };
        Ok(self.collected(block))
    }

    /// Allocates a string with the text of an error. If OCaml has no memory for it, the
    /// string says that instead.
    pub(crate) fn text(&mut self, text: &str) -> Root {
        match self.string(text.as_bytes()).map(Root::new) {
            Ok(string) => string,
            Err(error) => match self.string(error.to_string().as_bytes()) {
                Ok(instead) => Root::new(instead),
                Err(_) => unreachable!("a short string needs no more than the minor heap"),
            },
        }
    }

    /// Allocates a `string option`, with the text of an error as [`text`](Lock::text) makes
    /// it.
    pub(crate) fn text_option(&mut self, text: Option<&str>) -> Root {
        match text {
            None => Root::UNIT,
            Some(text) => {
                let text = self.text(text);
                Root::new(self.block(0, &[&text]))
            }
        }
    }

    /// Allocates a float.
    pub fn float(&mut self, float: f64) -> Val<'_> {
        // SAFETY: the lock is held.
        let value = unsafe { sys::caml_copy_double(float) };
        // SAFETY: `value` was allocated just now.
        unsafe { Val::from_raw(self, value) }
    }

    /// `[||]`.
    pub(crate) fn empty_array(&mut self) -> Val<'_> {
        // SAFETY: the lock is held; a block of no fields is the atom of its tag, and
        // takes no memory.
        let array = unsafe { sys::caml_alloc(0, 0) };
        // SAFETY: `array` was allocated just now.
        unsafe { Val::from_raw(self, array) }
    }

    /// Allocates an array with `length` elements, at least one, that are all `()`.
    ///
    /// # Errors
    ///
    /// If OCaml has no memory for it.
    pub(crate) fn array(&mut self, length: usize) -> Result<Val<'_>, NoMemory> {
        // SAFETY: all fields are written below.
        let array = unsafe { self.words(length, 0) }.ok_or_else(|| no_array(length))?;
        for index in 0..length {
            // SAFETY: the block has that field.
            let place = unsafe { sys::field(array, index) };
            // SAFETY: the block is fresh, and an immediate value needs no write barrier.
            unsafe { place.write(sys::UNIT) };
        }
        Ok(self.collected(array))
    }

    /// Allocates an array of `length` floats, at least one. The caller stores each float
    /// before OCaml can read the array.
    ///
    /// # Errors
    ///
    /// If OCaml has no memory for it.
    pub(crate) fn float_array(&mut self, length: usize) -> Result<Val<'_>, NoMemory> {
        const WORDS: usize = size_of::<f64>() / WORD;
        let array = match length.checked_mul(WORDS) {
            // SAFETY: the collector does not look into the array, so any words do.
            Some(words) => unsafe { self.words(words, sys::DOUBLE_ARRAY) },
            None => None,
        };
        Ok(self.collected(array.ok_or_else(|| no_array(length))?))
    }

    /// Stores a float in an array of floats.
    ///
    /// # Panics
    ///
    /// If `array` is no array of floats, or has no such element.
    pub(crate) fn store_float(&mut self, array: &Root, index: usize, float: f64) {
        let length = array.get(self).floats().map_or(0, |floats| floats.len());
        assert!(index < length, "element {index} of an array of {length}");
        let start = array.raw(self) as *mut f64;
        // SAFETY: the array has that element.
        let place = unsafe { start.add(index) };
        // SAFETY: the place is within a live array of floats, which has no pointers.
        unsafe { place.write(float) };
    }

    /// The `Unix.error` for the error number `errno` of the system.
    pub(crate) fn unix_error(&mut self, errno: i32) -> Val<'_> {
        // SAFETY: the lock is held.
        let value = unsafe { caml_unix_error_of_code(errno) };
        // SAFETY: `value` was made just now.
        unsafe { Val::from_raw(self, value) }
    }

    /// Stores `value` in a field of a block.
    ///
    /// # Panics
    ///
    /// If the block has no such field.
    pub(crate) fn store(&mut self, block: &Root, index: usize, value: &Root) {
        let size = block.get(self).size();
        assert!(index < size, "field {index} of a block of {size}");
        // SAFETY: the block has that field.
        let place = unsafe { sys::field(block.raw(self), index) };
        // SAFETY: the field of a live block is initialised; a word is read whole.
        let before = unsafe { place.read_volatile() };
        let after = value.raw(self);
        if sys::is_long(before) && sys::is_long(after) {
            // SAFETY: the place is as above. The collector has to be told of pointers
            // alone. OCaml itself writes the elements of an array of integers in this
            // way.
            unsafe { place.write_volatile(after) };
        } else {
            // SAFETY: the place is as above, the lock is held, and `caml_modify`
            // does not allocate.
            unsafe { sys::caml_modify(place, after) };
        }
    }
}

/// The bytes of a word.
const WORD: usize = size_of::<sys::Value>();

/// The most words of a block in the minor heap: `Max_young_wosize`.
const MOST_YOUNG_WORDS: usize = 256;

/// An exception that OCaml code has raised just now.
pub(crate) struct Raised(pub(crate) Root);

/// The error of an allocation for which OCaml has no memory.
#[derive(Debug)]
pub struct NoMemory {
    what: &'static str,
    length: usize,
    of: &'static str,
}

impl std::error::Error for NoMemory {}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoMemory { what, length, of } = self;
        write!(f, "OCaml has no memory for {what} of {length} {of}")
    }
}

#[cold]
fn no_array(length: usize) -> NoMemory {
    NoMemory {
        what: "an array",
        length,
        of: "elements",
    }
}

unsafe extern "C" {
    /// Does as `caml_alloc_shr`, but returns 0 where that function raises an exception:
    /// if there is no memory, or no block can be so large.
    fn caml_alloc_shr_noexc(words: usize, tag: libc::c_uint) -> sys::Value;

    /// Carries out the work that the collector has asked for. Returns its argument, which
    /// it keeps alive.
    fn caml_check_urgent_gc(kept: sys::Value) -> sys::Value;

    /// A function of OCaml's library `unix`.
    fn caml_unix_error_of_code(errno: libc::c_int) -> sys::Value;
    fn caml_unix_code_of_unix_error(error: sys::Value) -> libc::c_int;
}

/// A place for a `Lock` to be borrowed from.
struct Shared(Lock);

// SAFETY: a `Lock` has no content, and the requirement of `borrowed` says where a
// reference to it may be used.
unsafe impl Sync for Shared {}
