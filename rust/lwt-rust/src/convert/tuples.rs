//! Tuples.

use super::{FromOcaml, IntoOcaml, OcamlType, Seen, collections::field, component, given_up};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

macro_rules! tuples {
    ($( ($($field:ident $index:tt),*) )*) => { $(
        /// A tuple
        // SAFETY: the conversions below are those of a tuple.
        unsafe impl<$($field: OcamlType),*> OcamlType for ($($field,)*) {
            const TYPE: Type = Type::tuple(&[$($field::TYPE),*]);
            const PARAMETERS: &'static [Type] = &[$($field::TYPE),*];
            const IS_ARGUMENT: bool = false;
        }

        impl<$($field: FromOcaml),*> FromOcaml for ($($field,)*) {
            const MAY_BE_OF_EXECUTOR: bool = false $(|| $field::MAY_BE_OF_EXECUTOR)*;

            fn is_of_executor(seen: &mut Seen) -> bool {
                false $(|| $field::is_of_executor(seen))*
            }

            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: they are the components of a tuple of these types.
                Ok(($(unsafe { $field::from_ocaml(field(value, 0, $index, "a tuple")?)? },)*))
            }
        }

        // SAFETY: a tuple is a block of its components.
        unsafe impl<$($field: IntoOcaml),*> IntoOcaml for ($($field,)*) {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                let mut rest = ($(Some(self.$index),)*);
                let mut fields = || Ok([$(component(&mut rest.$index, lock)?),*]);
                match fields() {
                    Ok(fields) => Ok(lock.block(0, &fields.each_ref())),
                    Err(error) => Err(given_up(error, rest)),
                }
            }
        }
    )* };
}

/// The same as its component. As the parameter of a function it is one parameter, also if the
/// component is a tuple.
// SAFETY: the conversions below are those of the component.
unsafe impl<T: OcamlType> OcamlType for (T,) {
    const IS_FLOAT: bool = T::IS_FLOAT;
    const TYPE: Type = T::TYPE;
}

impl<T: FromOcaml> FromOcaml for (T,) {
    const MAY_BE_OF_EXECUTOR: bool = T::MAY_BE_OF_EXECUTOR;

    fn is_of_executor(seen: &mut Seen) -> bool {
        T::is_of_executor(seen)
    }

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller says so.
        Ok((unsafe { T::from_ocaml(value) }?,))
    }

    fn from_float(float: f64) -> Result<Self, Error> {
        T::from_float(float).map(|value| (value,))
    }
}

// SAFETY: as for its type.
unsafe impl<T: IntoOcaml> IntoOcaml for (T,) {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        self.0.into_ocaml(lock)
    }
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
