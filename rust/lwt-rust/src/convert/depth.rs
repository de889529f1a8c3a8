//! How deep a value may be.
//!
//! A tree, for example, is converted by a function that calls itself for each branch,
//! and that takes room on the stack for each level. So the conversions of records and
//! of variants, which alone can contain their own type, count their levels here, and
//! look at what is left of the stack.
//!
//! Rust drops a tree by recursion too, perhaps on a thread whose stack is smaller than
//! the one that read it. So a value that comes into Rust has few levels. One that goes to
//! OCaml is taken apart on the way, and may have as many as there is room for. If there
//! is no room left, the rest is not dropped but leaked, since dropping would need it too.

use std::{cell::Cell, fmt, marker::PhantomData, ptr};

use crate::error::Error;

/// The most levels of a value that comes into Rust.
///
/// To drop a level takes 50 to 200 bytes of the stack, and 640 for a `BTreeMap` in code
/// that is not optimised. tokio's threads have 2 megabytes.
const MOST_LEVELS: usize = 1000;

/// What a conversion leaves of the stack, in bytes: for the last level, for a collection
/// that it may begin, and for the error.
const RESERVE: usize = 128 << 10;

struct Depth {
    /// The levels that are being converted.
    levels: Cell<usize>,
    /// The lowest address of the thread's stack, or 0 if it cannot be found out;
    /// `None` before anybody has asked.
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

/// A level that is being converted, until this is dropped by the same thread.
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
        let end = depth.end_of_stack.get().unwrap_or_else(|| {
            let end = end_of_stack().unwrap_or(0);
            depth.end_of_stack.set(Some(end));
            end
        });
        // On a stack that is not the thread's, which is somewhere else, this wraps.
        let left = here().wrapping_sub(end);
        if levels >= most || left < RESERVE {
            return Err(too_deep(levels));
        }
        depth.levels.set(levels + 1);
        Ok(Level(PhantomData))
    })
}

/// About where the stack of this thread ends now.
#[inline]
fn here() -> usize {
    let marker = 0_u8;
    ptr::from_ref(&marker).addr()
}

/// The lowest address of this thread's stack, if the system tells it.
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

/// Gives up a conversion to OCaml, of which `rest` is left. If the value was too deep,
/// the rest may be as deep, so it is leaked.
#[cold]
pub fn given_up<T>(error: Error, rest: T) -> Error {
    if let Error::Failure(failure) = &error {
        if failure.error().is::<TooDeep>() {
            std::mem::forget(rest);
        }
    }
    error
}
