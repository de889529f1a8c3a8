//! Numbers, `bool` and `unit`.

use std::time::Duration;

#[cfg(feature = "int64")]
use super::Int64;
use super::{FromOcaml, IntoOcaml, OcamlType, mismatch};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// `unit`
// SAFETY: the conversions below are those of `unit`.
unsafe impl OcamlType for () {
    const TYPE: Type = Type::named("unit");
}

impl FromOcaml for () {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match value.as_int() {
            Some(0) => Ok(()),
            Some(_) | None => Err(mismatch("unit")),
        }
    }
}

// SAFETY: `Val::UNIT` is `()`.
unsafe impl IntoOcaml for () {
    fn into_ocaml(self, _lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(Val::UNIT)
    }
}

/// `bool`
// SAFETY: the conversions below are those of `bool`.
unsafe impl OcamlType for bool {
    const TYPE: Type = Type::named("bool");
}

impl FromOcaml for bool {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match value.as_int() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(_) | None => Err(mismatch("bool")),
        }
    }
}

// SAFETY: `false` is 0, and `true` is 1.
unsafe impl IntoOcaml for bool {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        isize::from(self).into_ocaml(lock)
    }
}

macro_rules! integers {
    ($ocaml:literal: $($integer:ty),*) => { $(
        #[doc = concat!("`", $ocaml, "`")]
        // SAFETY: the conversions below are those of `int`, which this type is.
        unsafe impl OcamlType for $integer {
            const TYPE: Type = Type::named($ocaml);
        }

        impl FromOcaml for $integer {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                let int = value.as_int().ok_or_else(|| mismatch("int"))?;
                <$integer>::try_from(int).map_err(|_| {
                    Error::message(format!(
                        "{int} does not fit in Rust's {}", stringify!($integer)
                    ))
                })
            }
        }

        // SAFETY: it is an OCaml integer.
        unsafe impl IntoOcaml for $integer {
            fn into_ocaml(self, _lock: &mut Lock) -> Result<Val<'_>, Error> {
                i64::try_from(self).ok().and_then(Val::int).ok_or_else(|| {
                    Error::message(format!("{self} does not fit in OCaml's int"))
                })
            }
        }
    )* };
}

integers!("int": i8, i16, i32, isize, u16, u32, usize);

#[cfg(not(feature = "int64"))]
integers!("int": i64);

// OCaml sees by the name of the type that an `int` has no room for each `u64`.
#[cfg(not(feature = "int64"))]
integers!("Lwt_rust.u64": u64);

/// `int64`, with the feature `int64` of this crate: the same 64 bits.
#[cfg(feature = "int64")]
macro_rules! of_64_bits {
    ($($integer:ty),*) => { $(
        /// `int64`
        // SAFETY: the conversions below are those of `int64`.
        unsafe impl OcamlType for $integer {
            const TYPE: Type = Int64::TYPE;
        }

        impl FromOcaml for $integer {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: it is an `int64`.
                unsafe { Int64::from_ocaml(value) }.map(<$integer>::from)
            }
        }

        // SAFETY: it is an `int64`.
        unsafe impl IntoOcaml for $integer {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                Int64::from(self).into_ocaml(lock)
            }
        }
    )* };
}

#[cfg(feature = "int64")]
of_64_bits!(i64, u64);

/// `int`. A `Vec<u8>` is a `string`, and a `Box<[u8]>` is `bytes`.
// SAFETY: the conversions below are those of `int`, and of `string` and `bytes`,
// which OCaml represents alike.
unsafe impl OcamlType for u8 {
    const TYPE: Type = Type::named("int");

    const IS_ARGUMENT: bool = false;

    const VEC_TYPE: Type = Type::named("string");

    const SLICE_TYPE: Type = Type::named("bytes");
}

impl FromOcaml for u8 {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let int = value.as_int().ok_or_else(|| mismatch("int"))?;
        u8::try_from(int).map_err(|_| Error::message(format!("{int} does not fit in Rust's u8")))
    }

    unsafe fn vec_from_ocaml(value: Val<'_>) -> Result<Vec<Self>, Error> {
        value.to_bytes().ok_or_else(|| mismatch("string"))
    }

    unsafe fn slice_from_ocaml(value: Val<'_>) -> Result<Box<[Self]>, Error> {
        let bytes = value.to_bytes().ok_or_else(|| mismatch("bytes"))?;
        Ok(bytes.into_boxed_slice())
    }
}

// SAFETY: a `u8` becomes an OCaml integer, and a vector or a slice of `u8` an OCaml
// string.
unsafe impl IntoOcaml for u8 {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        isize::from(self).into_ocaml(lock)
    }

    fn vec_into_ocaml(vec: Vec<Self>, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(&vec)?)
    }

    fn slice_into_ocaml(slice: Box<[Self]>, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(&slice)?)
    }
}

/// `float`
// SAFETY: the conversions below are those of `float`, which this says it is.
unsafe impl OcamlType for f64 {
    const IS_FLOAT: bool = true;

    const TYPE: Type = Type::named("float");
}

impl FromOcaml for f64 {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        value.as_float().ok_or_else(|| mismatch("float"))
    }

    fn from_float(float: f64) -> Result<Self, Error> {
        Ok(float)
    }
}

// SAFETY: it is an OCaml float.
unsafe impl IntoOcaml for f64 {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.float(self))
    }
}

/// `float`, rounded. A float that is too large for `f32` is an error.
// SAFETY: the conversions below are those of `float`, which this says it is.
unsafe impl OcamlType for f32 {
    const IS_FLOAT: bool = true;

    const TYPE: Type = Type::named("float");
}

impl FromOcaml for f32 {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Self::from_float(value.as_float().ok_or_else(|| mismatch("float"))?)
    }

    fn from_float(float: f64) -> Result<Self, Error> {
        let rounded = float as f32;
        if rounded.is_infinite() && float.is_finite() {
            return Err(Error::message(format!(
                "{float:e} does not fit in Rust's f32"
            )));
        }
        Ok(rounded)
    }
}

// SAFETY: it is an OCaml float.
unsafe impl IntoOcaml for f32 {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.float(f64::from(self)))
    }
}

/// `float`, in seconds, as in `Unix` and Lwt
// SAFETY: the conversions below are those of `float`, which this says it is.
unsafe impl OcamlType for Duration {
    const IS_FLOAT: bool = true;

    const TYPE: Type = Type::named("float");
}

impl FromOcaml for Duration {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Self::from_float(value.as_float().ok_or_else(|| mismatch("float"))?)
    }

    fn from_float(seconds: f64) -> Result<Self, Error> {
        Duration::try_from_secs_f64(seconds).map_err(|error| {
            Error::message(format!("{seconds:e} seconds are no duration: {error}"))
        })
    }
}

// SAFETY: it is an OCaml float.
unsafe impl IntoOcaml for Duration {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.float(self.as_secs_f64()))
    }
}
