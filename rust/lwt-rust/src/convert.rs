//! Values that cross the boundary.

use crate::{
    error::Error,
    ffi::{Lock, Root, Val},
};

/// A type that can be made of an OCaml value.
pub trait FromOcaml: Sized {
    /// Reads `value`, without allocating in OCaml.
    ///
    /// # Errors
    ///
    /// If the value is not of the OCaml type that goes with `Self`, so that the
    /// declaration on one of the two sides is wrong, or does not fit in `Self`.
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error>;
}

/// A type that can be made an OCaml value.
pub trait IntoOcaml {
    /// Allocates the value.
    ///
    /// # Errors
    ///
    /// If OCaml cannot represent the value.
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error>;
}

fn mismatch(expected: &str) -> Error {
    Error::message(format!(
        "OCaml gave a value that is not of type {expected}: the OCaml declaration of this \
         function does not match the Rust one"
    ))
}

/// `unit`
impl FromOcaml for () {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match value.as_int() {
            Some(0) => Ok(()),
            Some(_) | None => Err(mismatch("unit")),
        }
    }
}

/// `unit`
impl IntoOcaml for () {
    fn into_ocaml(self, _lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(Val::UNIT)
    }
}

/// `bool`
impl FromOcaml for bool {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match value.as_int() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(_) | None => Err(mismatch("bool")),
        }
    }
}

/// `bool`
impl IntoOcaml for bool {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        i64::from(self).into_ocaml(lock)
    }
}

macro_rules! integers {
    ($($integer:ty),*) => { $(
        /// `int`
        impl FromOcaml for $integer {
            fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                let int = value.as_int().ok_or_else(|| mismatch("int"))?;
                <$integer>::try_from(int).map_err(|_| {
                    Error::message(format!(
                        "{int} does not fit in Rust's {}", stringify!($integer)
                    ))
                })
            }
        }

        /// `int`
        impl IntoOcaml for $integer {
            fn into_ocaml(self, _lock: &mut Lock) -> Result<Val<'_>, Error> {
                i64::try_from(self).ok().and_then(Val::int).ok_or_else(|| {
                    Error::message(format!("{self} does not fit in OCaml's int"))
                })
            }
        }
    )* };
}

integers!(i32, i64, isize, u32, u64, usize);

/// `float`
impl FromOcaml for f64 {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        value.as_float().ok_or_else(|| mismatch("float"))
    }
}

/// `float`
impl IntoOcaml for f64 {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.float(self))
    }
}

/// `string`, which must be UTF-8
impl FromOcaml for String {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let bytes = Vec::from_ocaml(value)?;
        String::from_utf8(bytes).map_err(|error| {
            Error::message(format!(
                "a string is not UTF-8: the byte at position {} begins no character",
                error.utf8_error().valid_up_to()
            ))
        })
    }
}

/// `string`
impl IntoOcaml for String {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(self.as_bytes()))
    }
}

/// `string` or `bytes`
impl FromOcaml for Vec<u8> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let bytes = value.as_bytes().ok_or_else(|| mismatch("string"))?;
        Ok(bytes.to_vec())
    }
}

/// `string` or `bytes`
impl IntoOcaml for Vec<u8> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(&self))
    }
}

/// `'a option`
impl<T: FromOcaml> FromOcaml for Option<T> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        if value.as_int() == Some(0) {
            return Ok(None);
        }
        let content = value.field(0).ok_or_else(|| mismatch("option"))?;
        T::from_ocaml(content).map(Some)
    }
}

/// `'a option`
impl<T: IntoOcaml> IntoOcaml for Option<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        match self {
            None => Ok(Val::UNIT),
            Some(content) => {
                let content = Root::new(content.into_ocaml(lock)?);
                Ok(lock.block(0, &[&content]))
            }
        }
    }
}

macro_rules! tuples {
    ($( ($($field:ident $index:tt),*) )*) => { $(
        /// A tuple
        impl<$($field: FromOcaml),*> FromOcaml for ($($field,)*) {
            fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                Ok(($($field::from_ocaml(
                    value.field($index).ok_or_else(|| mismatch("a tuple"))?
                )?,)*))
            }
        }

        /// A tuple
        impl<$($field: IntoOcaml),*> IntoOcaml for ($($field,)*) {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                let fields = [$(Root::new(self.$index.into_ocaml(lock)?)),*];
                Ok(lock.block(0, &fields.each_ref()))
            }
        }
    )* };
}

tuples! { (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) }

/// Any type: the value is kept as it is.
impl FromOcaml for Root {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(Root::new(value))
    }
}

/// Any type: the value that was kept.
impl IntoOcaml for Root {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(self.get(lock))
    }
}
