//! Errors of any type, in a box.

#[cfg(any(feature = "anyhow", feature = "eyre"))]
use std::any::Any;
use std::{
    any::{TypeId, type_name},
    borrow::Cow,
    error::Error as StdError,
};

pub(super) type Boxed = Box<dyn StdError + Send + Sync>;

/// A Rust error. The errors of other crates stay in their own boxes, in which we can look
/// for the error of the standard library, or of OCaml's, that they contain.
pub(super) enum Held {
    Boxed(Boxed),
    #[cfg(feature = "anyhow")]
    Anyhow(anyhow::Error),
    #[cfg(feature = "eyre")]
    Eyre(eyre::Report),
}

/// An error, and the name of its type. A message alone has none, and neither has an error
/// that comes in a box.
pub(super) fn boxed<E: Into<Boxed> + 'static>(error: E) -> (Held, Option<&'static str>) {
    #[cfg(feature = "anyhow")]
    let error = match cast::<E, anyhow::Error>(error) {
        Ok(error) => return (Held::Anyhow(error), None),
        Err(error) => error,
    };
    #[cfg(feature = "eyre")]
    let error = match cast::<E, eyre::Report>(error) {
        Ok(error) => return (Held::Eyre(error), None),
        Err(error) => error,
    };
    let nameless = [
        TypeId::of::<String>(),
        TypeId::of::<&'static str>(),
        TypeId::of::<Cow<'static, str>>(),
        TypeId::of::<Boxed>(),
    ];
    let has_name = !nameless.contains(&TypeId::of::<E>());
    (
        Held::Boxed(error.into()),
        has_name.then(|| type_name::<E>()),
    )
}

/// The value as one of the type `T`, if that is its type.
#[cfg(any(feature = "anyhow", feature = "eyre"))]
fn cast<E: 'static, T: 'static>(value: E) -> Result<T, E> {
    let mut value = Some(value);
    let found = (&mut value as &mut dyn Any).downcast_mut::<Option<T>>();
    match (found.and_then(Option::take), value) {
        (Some(found), _) => Ok(found),
        (None, Some(value)) => Err(value),
        (None, None) => unreachable!("it was taken as one type or the other"),
    }
}

impl Held {
    pub(super) fn get(&self) -> &(dyn StdError + Send + Sync + 'static) {
        match self {
            Held::Boxed(error) => &**error,
            #[cfg(feature = "anyhow")]
            Held::Anyhow(error) => &**error,
            #[cfg(feature = "eyre")]
            Held::Eyre(error) => &**error,
        }
    }

    /// The error as one of the type `T`, if it is one. An error with a context has the type
    /// of the context.
    pub(super) fn downcast<T: StdError + Send + Sync + 'static>(self) -> Result<T, Self> {
        if !self.get().is::<T>() {
            return Err(self);
        }
        match self {
            Held::Boxed(error) => error.downcast().map(|found| *found).map_err(Held::Boxed),
            #[cfg(feature = "anyhow")]
            Held::Anyhow(error) => error.downcast().map_err(Held::Anyhow),
            #[cfg(feature = "eyre")]
            Held::Eyre(error) => error.downcast().map_err(Held::Eyre),
        }
    }
}
