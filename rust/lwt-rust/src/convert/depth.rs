//! Limits the depth of values that are converted.
//!
//! For example, the conversion of a tree calls itself for each branch, and each level
//! takes room on the stack. Only records and variants can contain their own type. So
//! their conversions count levels here, and check how much of the stack is left.
//!
//! Rust drops a tree by recursion too, perhaps on a thread whose stack is smaller than
//! the stack of the thread that read it. So a value that comes into Rust may have at most
//! [`MOST_LEVELS`] levels. A value that goes to OCaml is taken apart on the way, so it
//! may have as many levels as the stack has room for. If there is no room left, the rest
//! of the value is leaked, since dropping it would need room as well.

use std::{cell::Cell, fmt, marker::PhantomData, ptr};

use crate::error::Error;

/// The greatest number of levels of a value that comes into Rust.
///
/// Dropping a level takes 50 to 200 bytes of the stack, and 640 for a `BTreeMap` in code
/// that is not optimised. The stacks of tokio's threads have 2 megabytes.
const MOST_LEVELS: usize = 1000;

/// The part of the stack that a conversion leaves free, in bytes: for the last level, for
/// a collection that it may start, and for the error. A call of OCaml needs as much: a
/// function of the C library `unix` has a buffer of 64 kilobytes.
const RESERVE: usize = 128 << 10;

struct Depth {
    /// The levels that are being converted.
    levels: Cell<usize>,
    /// The lowest address of the thread's stack, or 0 if the system does not tell it.
    /// `None` before the first conversion.
    end_of_stack: Cell<Option<usize>>,
}

thread_local! {
    static DEPTH: Depth = const {
        Depth {
            levels: Cell::new(0),
            end_of_stack: Cell::new(None),
        }
    };
}

/// A level that is being converted, until the same thread drops the `Level`.
pub struct Level(PhantomData<*mut ()>);

impl Drop for Level {
    #[inline]
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.levels.set(depth.levels.get() - 1));
    }
}

/// Begins a level of a value that comes into Rust.
#[inline]
pub fn deeper_into_rust() -> Result<Level, Error> {
    deeper(MOST_LEVELS)
}

/// Begins a level of a value that goes to OCaml.
#[inline]
pub fn deeper_into_ocaml() -> Result<Level, Error> {
    deeper(usize::MAX)
}

#[inline]
fn deeper(most: usize) -> Result<Level, Error> {
    DEPTH.with(|depth| {
        let levels = depth.levels.get();
        if levels >= most || !depth.has_room() {
            return Err(too_deep(levels));
        }
        depth.levels.set(levels + 1);
        Ok(Level(PhantomData))
    })
}

impl Depth {
    /// Whether more than [`RESERVE`] is left of the stack.
    #[inline]
    fn has_room(&self) -> bool {
        let end = self.end_of_stack.get().unwrap_or_else(|| {
            let end = end_of_stack().unwrap_or(0);
            self.end_of_stack.set(Some(end));
            end
        });
        // The code may run on a stack that is not the thread's, for example on that of a
        // fiber. Such a stack lies elsewhere, perhaps below, and then the difference
        // wraps.
        here().wrapping_sub(end) >= RESERVE
    }
}

/// Makes sure that the stack has room for OCaml code that Rust is about to call.
///
/// # Errors
///
/// If there is little room left: OCaml and Rust have called each other again and again.
#[inline]
pub(crate) fn room_for_ocaml() -> Result<(), Error> {
    match DEPTH.with(Depth::has_room) {
        true => Ok(()),
        false => Err(Error::message(
            "OCaml and Rust have called each other too many times within each other: the stack \
             of the thread has no room for another call of a closure",
        )),
    }
}

/// About the address at which the stack of this thread ends now.
#[inline]
fn here() -> usize {
    let marker = 0_u8;
    ptr::from_ref(&marker).addr()
}

/// The lowest address of this thread's stack, or `None` if the system does not tell it.
#[cold]
fn end_of_stack() -> Option<usize> {
    #[cfg(target_os = "linux")]
    {
        let mut attributes = std::mem::MaybeUninit::uninit();
        // SAFETY: it has no requirement.
        let this = unsafe { libc::pthread_self() };
        // SAFETY: the thread lives, and the attributes are valid for writing.
        if unsafe { libc::pthread_getattr_np(this, attributes.as_mut_ptr()) } != 0 {
            return None;
        }
        // SAFETY: they were written just now.
        let mut attributes = unsafe { attributes.assume_init() };
        let (mut lowest, mut size) = (ptr::null_mut(), 0);
        // SAFETY: all three are valid.
        let got = unsafe { libc::pthread_attr_getstack(&attributes, &mut lowest, &mut size) };
        // SAFETY: nobody uses the attributes after this.
        unsafe { libc::pthread_attr_destroy(&mut attributes) };
        (got == 0).then(|| lowest.addr())
    }
    #[cfg(target_os = "macos")]
    {
        // SAFETY: it has no requirement.
        let this = unsafe { libc::pthread_self() };
        // SAFETY: the thread lives.
        let highest = unsafe { libc::pthread_get_stackaddr_np(this) };
        // SAFETY: as above.
        let size = unsafe { libc::pthread_get_stacksize_np(this) };
        highest.addr().checked_sub(size)
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    None
}

/// The error of a value that has too many levels.
#[derive(Debug)]
struct TooDeep {
    levels: usize,
}

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a value has more than {} records or variants within each other, which is too deep \
             to convert: use a list or an array instead of them, or have Rust keep the value as \
             it is, as a Root",
            self.levels
        )
    }
}

impl std::error::Error for TooDeep {}

#[cold]
fn too_deep(levels: usize) -> Error {
    TooDeep { levels }.into()
}

/// Gives up a conversion to OCaml that has not converted `rest` yet. If the value was too
/// deep, `rest` may be as deep, so it is leaked.
#[cold]
pub fn given_up<T>(error: Error, rest: T) -> Error {
    if let Error::Failure(failure) = &error {
        if failure.error().is::<TooDeep>() {
            std::mem::forget(rest);
        }
    }
    error
}
