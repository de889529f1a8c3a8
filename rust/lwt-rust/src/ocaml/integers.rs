//! Integers in boxes: `int32`, `int64` and `nativeint`.

use std::ffi::CStr;

use ocaml::sys;

use super::{lock::Lock, value::Val};

/// A Rust integer that OCaml stores in a box.
pub(crate) trait BoxedInteger: Copy {
    /// The name of the operations of such boxes: see `runtime/ints.c`.
    const IDENTIFIER: &'static CStr;

    /// Allocates a box.
    fn write(self, lock: &mut Lock) -> Val<'_>;

    /// The integer in a box; `None` for any other value.
    fn read(value: Val<'_>) -> Option<Self> {
        if value.tag() != Some(sys::CUSTOM) {
            return None;
        }
        // SAFETY: field 0 of a custom block is a pointer to its operations.
        let field = unsafe { sys::field(value.raw(), 0) };
        // SAFETY: the block is live and initialised.
        let operations = unsafe { field.read() } as *const sys::custom_operations;
        // SAFETY: the operations of a block live as long as the block.
        let identifier = unsafe { (*operations).identifier };
        // SAFETY: the identifier of operations is a string of C's.
        if unsafe { CStr::from_ptr(identifier) } != Self::IDENTIFIER {
            return None;
        }
        // SAFETY: field 1 is where the data of a custom block begins.
        let data = unsafe { sys::field(value.raw(), 1) };
        // SAFETY: the operations are those of boxes of this integer. Nobody writes it.
        Some(unsafe { data.cast::<Self>().read() })
    }
}

macro_rules! boxed_integers {
    ($($integer:ty, $identifier:literal, $copy:ident;)*) => { $(
        impl BoxedInteger for $integer {
            const IDENTIFIER: &'static CStr = $identifier;

            fn write(self, lock: &mut Lock) -> Val<'_> {
                // SAFETY: the lock is held.
                let value = unsafe { sys::$copy(self) };
                // SAFETY: `value` was allocated just now.
                unsafe { Val::from_raw(lock, value) }
            }
        }
    )* };
}

boxed_integers! {
    i32, c"_i", caml_copy_int32;
    i64, c"_j", caml_copy_int64;
    isize, c"_n", caml_copy_nativeint;
}
