//! Errors of this crate as those of the standard library.

use std::{fmt, io};

use super::{Error, boxed::Held};

/// An [`Error`] that implements [`std::error::Error`], for code that needs one: for a
/// `Box<dyn Error + Send + Sync>`, or as the source of another error.
///
/// ```
/// use lwt_rust::{LwtFn, StdError, func};
///
/// /// The sum of two results of `f`.
/// #[func]
/// async fn twice(f: LwtFn<(), i64>) -> Result<i64, Box<dyn std::error::Error + Send + Sync>> {
///     let first = f.call(()).await.map_err(StdError::from)?;
///     let second = f.call(()).await.map_err(StdError::from)?;
///     Ok(first.checked_add(second).ok_or("the sum is too large")?)
/// }
/// # lwt_rust::library! { twice }
/// ```
///
/// If it becomes an [`Error`] again, that is the same as before. So an OCaml exception comes
/// back to OCaml as it was.
///
/// It has no [`source`](std::error::Error::source): its message is that of the [`Error`].
#[derive(Debug)]
pub struct StdError(Error);

impl StdError {
    /// The error.
    pub fn get(&self) -> &Error {
        &self.0
    }

    /// The error itself.
    pub fn into_inner(self) -> Error {
        self.0
    }
}

impl fmt::Display for StdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for StdError {}

impl From<Error> for StdError {
    fn from(error: Error) -> Self {
        StdError(error)
    }
}

impl Error {
    /// The error as one that implements [`std::error::Error`].
    pub fn into_std(self) -> StdError {
        StdError(self)
    }
}

/// Code that reads or writes gets the error as an [`io::Error`]. If that becomes an [`Error`]
/// again, it is the same as before; so an OCaml exception comes back to OCaml as it was.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Failure(failure) => match failure.downcast::<io::Error>() {
                Ok(error) => return error,
                Err(failure) => Error::Failure(failure),
            },
            other => other,
        };
        let errno = match &error {
            Error::Exception(exception) => exception.errno(),
            _ => None,
        };
        let kind = match errno {
            Some(errno) => io::Error::from_raw_os_error(errno).kind(),
            None => io::ErrorKind::Other,
        };
        io::Error::new(kind, StdError(error))
    }
}

/// With the feature `anyhow`. If it becomes an [`Error`] again, it is the same as before.
#[cfg(feature = "anyhow")]
impl From<Error> for anyhow::Error {
    fn from(error: Error) -> Self {
        anyhow::Error::new(StdError(error))
    }
}

/// With the feature `eyre`. If it becomes an [`Error`] again, it is the same as before.
#[cfg(feature = "eyre")]
impl From<Error> for eyre::Report {
    fn from(error: Error) -> Self {
        eyre::Report::new(StdError(error))
    }
}

/// The error that an error carries: itself, or within an [`io::Error`].
pub(super) fn carried_in(error: Held) -> Result<Error, Held> {
    let error = match error.downcast::<StdError>() {
        Ok(carried) => return Ok(carried.0),
        Err(error) => error,
    };
    let is_carried =
        |error: &io::Error| error.get_ref().is_some_and(|inner| inner.is::<StdError>());
    match error
        .get()
        .downcast_ref::<io::Error>()
        .is_some_and(is_carried)
    {
        false => Err(error),
        true => match error
            .downcast::<io::Error>()
            .map(|error| error.into_inner())
        {
            Ok(Some(inner)) => match inner.downcast::<StdError>() {
                Ok(carried) => Ok(carried.0),
                Err(inner) => Err(Held::Boxed(inner)),
            },
            Ok(None) => unreachable!("it carries one"),
            Err(error) => Err(error),
        },
    }
}
