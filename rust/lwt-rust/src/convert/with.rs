//! Types that stand for others in OCaml.

use std::marker::PhantomData;

use super::{FromOcaml, IntoOcaml, OcamlType, Seen};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// A `T`, for which OCaml has what it has for `W`: `#[ocaml(with = W)]`.
#[derive(Clone)]
pub struct With<T, W> {
    value: T,
    stands_for: PhantomData<fn() -> W>,
}

impl<T, W> With<T, W> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        With {
            value,
            stands_for: PhantomData,
        }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }
}

// SAFETY: `W` says which type it is, and converts it. A `T` is made of a `W`, or a `W` of it;
// `T` is `'static` as all types of fields are, and an argument is no value of OCaml's.
unsafe impl<T: 'static, W: OcamlType> OcamlType for With<T, W> {
    const IS_FLOAT: bool = W::IS_FLOAT;

    const TYPE: Type = W::TYPE;
}

impl<T, W> FromOcaml for With<T, W>
where
    T: TryFrom<W, Error: Into<Error>> + 'static,
    W: FromOcaml,
{
    const MAY_BE_OF_EXECUTOR: bool = W::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        W::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: it is of the OCaml type of `W`.
        let value = unsafe { W::from_ocaml(value)? };
        value.try_into().map(With::new).map_err(Into::into)
    }

    fn from_float(float: f64) -> Result<Self, Error> {
        let value = W::from_float(float)?;
        value.try_into().map(With::new).map_err(Into::into)
    }
}

// SAFETY: `W` makes the value.
unsafe impl<T, W> IntoOcaml for With<T, W>
where
    T: 'static,
    W: IntoOcaml + TryFrom<T, Error: Into<Error>>,
{
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let value = W::try_from(self.value).map_err(Into::into)?;
        value.into_ocaml(lock)
    }
}
