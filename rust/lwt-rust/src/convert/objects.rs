//! Types that have methods for OCaml.

use std::sync::Arc;

use super::{
    AbstractType, FromOcaml, OcamlType,
    abstracts::closed,
    content::{Content, Shared},
    mismatch,
};
use crate::{Abstract, bindings::Type, error::Error, ocaml::Val};

/// A type that can have methods for OCaml. The derives of `AbstractType` and `FromOcaml`
/// implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot have methods for OCaml",
    label = "OCaml cannot give such a value to a method",
    note = "a type with methods has the derive `AbstractType`, or `OcamlType` and `FromOcaml`, and \
            no type parameters"
)]
pub trait Object: Sized {
    /// What OCaml gives to a method that takes `&self`.
    type Shared: FromOcaml;
    /// What OCaml gives to a method that takes `self`.
    type Whole: FromOcaml;

    /// The receiver `&self`.
    fn by_reference(shared: &Self::Shared) -> &Self;
    /// The receiver `self: Arc<Self>`.
    fn by_arc(shared: Self::Shared) -> Arc<Self>;
    /// The receiver `self`.
    fn by_value(whole: Self::Whole) -> Self;
}

/// A value of an abstract type that was taken away from OCaml. Nothing else uses it.
pub struct Whole<T>(pub T);

// SAFETY: as for `Abstract`.
unsafe impl<T: AbstractType> OcamlType for Whole<T> {
    const TYPE: Type = Abstract::<T>::TYPE;
}

impl<T: AbstractType> FromOcaml for Whole<T> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let take = |value: Shared| {
            let value: Arc<T> = value
                .downcast()
                .map_err(|value| (value, mismatch(T::NAME)))?;
            Arc::try_unwrap(value).map_err(|value| (value as Shared, in_use(T::NAME)))
        };
        Content::of(value)
            .and_then(|content| content.take_if(take))
            .unwrap_or_else(|| Err(closed(T::NAME)))
            .map(Whole)
    }
}

#[cold]
fn in_use(name: &str) -> Error {
    Error::message(format!(
        "this value of type {name} is still in use, so no call can take it: by another call, by Rust, \
         or by another OCaml value that holds the same and that the collector has not found yet"
    ))
}
