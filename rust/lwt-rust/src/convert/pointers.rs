//! Boxes and shared pointers: in OCaml they are what they point to.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use super::{FromOcaml, IntoOcaml, OcamlType, Seen};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

macro_rules! pointers {
    ($($pointer:ident: $into:expr, $($bound:ident)?;)*) => { $(
        /// The type of what it points to
        // SAFETY: `T` says which type it is, and converts it.
        unsafe impl<T: OcamlType> OcamlType for $pointer<T> {
            const IS_FLOAT: bool = T::IS_FLOAT;

            const TYPE: Type = T::TYPE;
        }

        impl<T: FromOcaml> FromOcaml for $pointer<T> {
            const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

            fn is_of_executor(seen: &mut Seen) -> bool {
                T::is_of_executor(seen)
            }

            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: it is a value of the type of `T`.
                unsafe { T::from_ocaml(value) }.map($pointer::new)
            }

            fn from_float(float: f64) -> Result<Self, Error> {
                T::from_float(float).map($pointer::new)
            }
        }

        // SAFETY: `T` makes the value.
        unsafe impl<T: IntoOcaml $(+ $bound)?> IntoOcaml for $pointer<T> {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                let value: T = $into(self);
                value.into_ocaml(lock)
            }
        }
    )* };
}

pointers! {
    Box: |pointer: Box<T>| *pointer, ;
    Arc: Arc::unwrap_or_clone, Clone;
    Rc: Rc::unwrap_or_clone, Clone;
}

macro_rules! texts {
    ($($text:ty),*) => { $(
        /// `string`
        // SAFETY: the conversions below are those of `string`.
        unsafe impl OcamlType for $text {
            const TYPE: Type = String::TYPE;
        }

        impl FromOcaml for $text {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: it is a string.
                unsafe { String::from_ocaml(value) }.map(Into::into)
            }
        }

        // SAFETY: it is an OCaml string.
        unsafe impl IntoOcaml for $text {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                Ok(lock.string(self.as_bytes())?)
            }
        }
    )* };
}

texts!(Arc<str>, Rc<str>, Cow<'static, str>);
