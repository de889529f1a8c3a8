//! Errors of this crate within those of the standard library.

use std::{fmt, io};

use super::Error;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// An error on its way through code that knows [`io::Error`] alone.
#[derive(Debug)]
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

/// Code that reads or writes gets the error as an [`io::Error`]. If that becomes an [`Error`]
/// again, it is the same as before; so an OCaml exception comes back to OCaml as it was.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let error = match error {
            Error::Failure(failure) => match failure.into_io() {
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
        io::Error::new(kind, Carried(error))
    }
}

/// The error that an [`io::Error`] carries.
pub(super) fn carried_in(error: Boxed) -> Result<Error, Boxed> {
    let error = error.downcast::<io::Error>()?;
    match error.get_ref().is_some_and(|inner| inner.is::<Carried>()) {
        false => Err(error),
        true => match error.into_inner().map(|inner| inner.downcast()) {
            Some(Ok(carried)) => {
                let Carried(error) = *carried;
                Ok(error)
            }
            Some(Err(_)) | None => unreachable!("it carries one"),
        },
    }
}
