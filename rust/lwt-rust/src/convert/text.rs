//! Characters and text.

use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// OCaml's `char`, which is a byte. Rust's `char` is OCaml's `Uchar.t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Char(pub u8);

// SAFETY: the conversions below are those of `char`, an integer below 256.
unsafe impl OcamlType for Char {
    const TYPE: Type = Type::named("char");
}

impl FromOcaml for Char {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let byte = value.as_int().and_then(|int| u8::try_from(int).ok());
        byte.map(Char).ok_or_else(|| mismatch("char"))
    }
}

// SAFETY: an integer below 256.
unsafe impl IntoOcaml for Char {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        self.0.into_ocaml(lock)
    }
}

/// `Uchar.t`
// SAFETY: the conversions below are those of `Uchar.t`, an integer that is a
// character of Unicode, as a `char` is.
unsafe impl OcamlType for char {
    const TYPE: Type = Type::named("Uchar.t");
}

impl FromOcaml for char {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let number = value.as_int().and_then(|int| u32::try_from(int).ok());
        number
            .and_then(char::from_u32)
            .ok_or_else(|| mismatch("Uchar.t"))
    }
}

// SAFETY: an integer that is a character of Unicode.
unsafe impl IntoOcaml for char {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        u32::from(self).into_ocaml(lock)
    }
}

/// `string`, which must be UTF-8
// SAFETY: the conversions below are those of `string`.
unsafe impl OcamlType for String {
    const TYPE: Type = Type::named("string");
}

impl FromOcaml for String {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let bytes = value.to_bytes().ok_or_else(|| mismatch("string"))?;
        String::from_utf8(bytes).map_err(|error| {
            Error::message(format!(
                "a string is not UTF-8: the byte at position {} begins no character",
                error.utf8_error().valid_up_to()
            ))
        })
    }
}

// SAFETY: it is an OCaml string.
unsafe impl IntoOcaml for String {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(self.as_bytes())?)
    }
}

/// `string`, which must be UTF-8
// SAFETY: the conversions below are those of `string`.
unsafe impl OcamlType for Box<str> {
    const TYPE: Type = Type::named("string");
}

impl FromOcaml for Box<str> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        unsafe { String::from_ocaml(value) }.map(String::into_boxed_str)
    }
}

// SAFETY: it is an OCaml string.
unsafe impl IntoOcaml for Box<str> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(self.as_bytes())?)
    }
}

/// `string`, as a result
// SAFETY: the conversions below are those of `string`.
unsafe impl OcamlType for &'static str {
    const TYPE: Type = Type::named("string");
}

// SAFETY: it is an OCaml string.
unsafe impl IntoOcaml for &'static str {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(self.as_bytes())?)
    }
}

/// `string`: a path may consist of any bytes
// SAFETY: the conversions below are those of `string`.
unsafe impl OcamlType for PathBuf {
    const TYPE: Type = Type::named("string");
}

impl FromOcaml for PathBuf {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let bytes = value.to_bytes().ok_or_else(|| mismatch("string"))?;
        Ok(OsString::from_vec(bytes).into())
    }
}

// SAFETY: it is an OCaml string.
unsafe impl IntoOcaml for PathBuf {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Ok(lock.string(self.as_os_str().as_bytes())?)
    }
}
