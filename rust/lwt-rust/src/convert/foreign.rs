//! Types of other crates, each with the feature of its crate's name.

#[cfg(feature = "chrono")]
use std::time::SystemTime;

#[cfg(feature = "chrono")]
use chrono::{DateTime, Utc};

use super::{FromOcaml, IntoOcaml, OcamlType};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// Types that are text in OCaml.
#[cfg(any(feature = "url", feature = "uuid"))]
macro_rules! texts {
    ($(#[cfg($feature:meta)] $type:ty, $what:literal;)*) => { $(
        #[cfg($feature)]
        /// `string`
        // SAFETY: the conversions below are those of `string`.
        unsafe impl OcamlType for $type {
            const TYPE: Type = Type::named("string");
        }

        #[cfg($feature)]
        impl FromOcaml for $type {
            unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
                // SAFETY: it is a string.
                let text = unsafe { String::from_ocaml(value) }?;
                let parsed = text.parse();
                parsed.map_err(|error| Error::message(format!("{text:?} is no {}: {error}", $what)))
            }
        }

        #[cfg($feature)]
        // SAFETY: it is a string.
        unsafe impl IntoOcaml for $type {
            fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
                self.to_string().into_ocaml(lock)
            }
        }
    )* };
}

#[cfg(any(feature = "url", feature = "uuid"))]
texts! {
    #[cfg(feature = "url")]
    url::Url, "URL";
    #[cfg(feature = "uuid")]
    uuid::Uuid, "UUID";
}

#[cfg(feature = "chrono")]
/// `float`: the seconds since 1970, as in `Unix`. It has microseconds.
// SAFETY: the conversions below are those of `float`, which this says it is.
unsafe impl OcamlType for DateTime<Utc> {
    const IS_FLOAT: bool = true;

    const TYPE: Type = Type::named("float");
}

#[cfg(feature = "chrono")]
impl FromOcaml for DateTime<Utc> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: it is a float.
        Self::from_float(unsafe { f64::from_ocaml(value) }?)
    }

    fn from_float(seconds: f64) -> Result<Self, Error> {
        let all = Self::MIN_UTC.timestamp() as f64..Self::MAX_UTC.timestamp() as f64;
        // chrono would panic.
        if !all.contains(&seconds) {
            return Err(Error::message(format!(
                "{seconds:e} seconds since 1970 are no point in time of chrono's"
            )));
        }
        SystemTime::from_float(seconds).map(Self::from)
    }
}

#[cfg(feature = "chrono")]
// SAFETY: it is an OCaml float.
unsafe impl IntoOcaml for DateTime<Utc> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        SystemTime::from(self).into_ocaml(lock)
    }
}
