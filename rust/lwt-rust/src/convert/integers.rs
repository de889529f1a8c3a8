//! The integers that OCaml stores in boxes, and those that no type of OCaml's has room for.

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{BoxedInteger, Lock, Val},
};

macro_rules! boxed {
    ($($(#[doc = $doc:literal])* $name:ident($integer:ty, $unsigned:ty), $ocaml:literal;)*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $integer);

        // SAFETY: the conversions below are those of this type.
        unsafe impl OcamlType for $name {
            const TYPE: Type = Type::named($ocaml);
        }

        impl FromOcaml for $name {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                <$integer>::read(value).map($name).ok_or_else(|| mismatch($ocaml))
            }
        }

        // SAFETY: it is a box of this type.
        unsafe impl IntoOcaml for $name {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                Ok(self.0.write(lock))
            }
        }

        impl From<$integer> for $name {
            fn from(integer: $integer) -> Self {
                $name(integer)
            }
        }

        impl From<$name> for $integer {
            fn from(boxed: $name) -> Self {
                boxed.0
            }
        }

        /// The same bits, which OCaml's functions for unsigned integers read.
        impl From<$unsigned> for $name {
            fn from(integer: $unsigned) -> Self {
                $name(integer as $integer)
            }
        }

        /// The same bits.
        impl From<$name> for $unsigned {
            fn from(boxed: $name) -> Self {
                boxed.0 as $unsigned
            }
        }
    )* };
}

boxed! {
    /// OCaml's `int64`. OCaml's `int`, which an `i64` or a `u64` is otherwise, has 63 bits.
    ///
    /// A field or an argument may have Rust's own type. A `u64` has the same bits, which the
    /// functions of `Int64` for unsigned integers read, such as `Int64.unsigned_compare`:
    ///
    /// ```
    /// use lwt_rust::{FromOcaml, Int64, IntoOcaml, OcamlType, func};
    ///
    /// /// `type entry = { id : int64; name : string }`
    /// #[derive(OcamlType, FromOcaml, IntoOcaml)]
    /// struct Entry {
    ///     #[ocaml(with = Int64)]
    ///     id: u64,
    ///     name: String,
    /// }
    ///
    /// /// `val entry : int64 -> string -> entry`
    /// #[func]
    /// fn entry(#[ocaml(with = Int64)] id: u64, name: String) -> Entry {
    ///     Entry { id, name }
    /// }
    /// # lwt_rust::library! { entry }
    /// ```
    Int64(i64, u64), "int64";
    /// OCaml's `int32`. See [`Int64`] for fields and arguments of Rust's own types.
    Int32(i32, u32), "int32";
    /// OCaml's `nativeint`. See [`Int64`] for fields and arguments of Rust's own types.
    Nativeint(isize, usize), "nativeint";
}

macro_rules! large {
    ($($integer:ty),*) => { $(
        /// `string`, in decimal
        // SAFETY: the conversions below are those of `string`.
        unsafe impl OcamlType for $integer {
            const TYPE: Type = String::TYPE;
        }

        impl FromOcaml for $integer {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: it is a string.
                let text = unsafe { String::from_ocaml(value)? };
                text.parse().map_err(|_| {
                    Error::message(format!("{text:?} is no {} in decimal", stringify!($integer)))
                })
            }
        }

        // SAFETY: it is an OCaml string.
        unsafe impl IntoOcaml for $integer {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                self.to_string().into_ocaml(lock)
            }
        }
    )* };
}

large!(i128, u128);
