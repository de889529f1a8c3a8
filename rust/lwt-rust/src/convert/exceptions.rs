//! Error types that have OCaml exceptions of their own.

use std::{error::Error as StdError, ops::Deref, sync::Arc};

use super::{Fields, mismatch};
use crate::{
    error::{Error, Exceptions, Parts, add_exceptions, found},
    ocaml::{Lock, Root, Val},
};

/// An error type whose values are exceptions in OCaml. The derive implements it, for a struct
/// or for an enum:
///
/// ```no_run
/// use lwt_rust::{OcamlException, func};
///
/// /// What can go wrong with the database.
/// #[derive(Debug, OcamlException)]
/// enum DbError {
///     /// `exception NotFound of string`
///     NotFound(String),
///     /// `exception Conflict of { key : string; version : int }`
///     Conflict { key: String, version: u32 },
///     /// The exception of the error in it: `Unix.Unix_error`, for an error of the system.
///     #[ocaml(transparent)]
///     Io(std::io::Error),
/// }
///
/// impl std::fmt::Display for DbError {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         match self {
///             DbError::NotFound(key) => write!(f, "{key} is not there"),
///             DbError::Conflict { key, version } => write!(f, "{key} has version {version}"),
///             DbError::Io(error) => error.fmt(f),
///         }
///     }
/// }
///
/// impl std::error::Error for DbError {}
///
/// #[func]
/// async fn get(key: String) -> Result<String, DbError> {
///     Err(DbError::NotFound(key))
/// }
///
/// // The type is named as the functions are.
/// lwt_rust::library! { get, DbError }
/// # fn main() {}
/// ```
///
/// OCaml code matches the exception: `with Db.NotFound key -> ...`. `Printexc.to_string` gives
/// the error's message. The error becomes this exception wherever it leaves Rust: as an `Err`
/// of a function of any error type, in a box, in an `anyhow::Error` (with the feature
/// `anyhow`), in a stream. Below a context it is the `cause` of `Lwt_rust.Error`.
///
/// The other way, an exception that OCaml code raises comes to Rust as
/// [`Error::Exception`], and [`Error::downcast_ref`] gives the error that it stands for.
///
/// The fields have types that OCaml knows ([`FromOcaml`](crate::FromOcaml),
/// [`IntoOcaml`](crate::IntoOcaml)), and can be cloned. There are these options:
///
/// - `#[ocaml(name = "...")]` on a variant, or on a struct, chooses the name of the exception.
/// - `#[ocaml(transparent)]` on a variant with one field, an error, or a box with an error in it
///   such as an `anyhow::Error`: the variant becomes what that error becomes. If that has no
///   exception of its own, it is `Lwt_rust.Error`, with the message of the variant. An exception
///   that comes back stands for the error in the variant: look for that one with
///   [`Error::downcast_ref`].
/// - `#[ocaml(skip)]` on a field: OCaml does not get it. So when OCaml code raises the
///   exception, no error of this type can be made of it: [`Error::downcast_ref`] gives `None`,
///   and `Printexc.to_string` gives the arguments instead of the message.
/// - `#[ocaml(same_as = "Stdlib.Not_found")]` on a variant, or on a struct: the exception is
///   one that OCaml has already. Write it with its module. OCaml's compiler refuses the
///   bindings if its arguments are others.
///
/// # Safety
///
/// The record of the type declares exceptions with the arguments that these functions make
/// and take. The derive does so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no exceptions in OCaml",
    note = "derive `lwt_rust::OcamlException` for the error type"
)]
pub unsafe trait OcamlException: StdError + Send + Sync + Sized + 'static {
    /// The exceptions of the type: whether each is a new one, which the bindings declare.
    #[doc(hidden)]
    const EXCEPTIONS: &'static [bool];

    #[doc(hidden)]
    fn parts(&self, lock: &mut Lock) -> Result<Parts<'_>, Error>;

    /// The error for the exception of this number.
    ///
    /// # Safety
    ///
    /// The fields are those of such an exception; the first one is the constructor.
    #[doc(hidden)]
    unsafe fn of_parts(number: usize, fields: Fields<'_>) -> Result<Self, Error>;
}

/// Has a method `parts` for the error in a transparent variant: one that implements
/// `std::error::Error`, a box that has one in it, or one of ours.
///
/// The compiler takes the first method that it finds, as for [`Binding`](crate::bound::Binding).
pub struct Inner<'e, T>(InBox<'e, T>);

/// An error in a box: an `anyhow::Error`, an `eyre::Report`, a `Box<dyn Error + Send + Sync>`.
pub struct InBox<'e, T>(&'e T);

impl<'e, T> Inner<'e, T> {
    /// The error in the variant.
    pub fn of(error: &'e T) -> Self {
        Inner(InBox(error))
    }
}

impl<'e, T: StdError + 'static> Inner<'e, T> {
    /// What the error becomes.
    pub fn parts(&self) -> Parts<'e> {
        Parts::Other(self.0.0)
    }
}

impl<'e> Inner<'e, Error> {
    /// What the error becomes.
    pub fn parts(&self) -> Parts<'e> {
        Parts::Ours(self.0.0)
    }
}

impl<'e, T> Deref for Inner<'e, T> {
    type Target = InBox<'e, T>;

    fn deref(&self) -> &InBox<'e, T> {
        &self.0
    }
}

impl<'e, T: AsRef<dyn StdError + Send + Sync>> InBox<'e, T> {
    /// What the error in the box becomes.
    pub fn parts(&self) -> Parts<'e> {
        Parts::Other(self.0.as_ref())
    }
}

/// Keeps the constructors of the exceptions of `E`, which an OCaml module has declared.
///
/// # Errors
///
/// If their number is another one.
pub(crate) fn register_exceptions<E: OcamlException>(constructors: Val<'_>) -> Result<(), Error> {
    let constructors: Vec<Root> = (0..constructors.size())
        .filter_map(|index| constructors.field(index).map(Root::new))
        .collect();
    if constructors.len() != E::EXCEPTIONS.len() {
        return Err(mismatch("an array of constructors of exceptions"));
    }
    add_exceptions(Exceptions {
        constructors,
        are_new: E::EXCEPTIONS,
        write: |error, lock| Some(found::<E>(error)?.parts(lock)),
        read: |number, exception| {
            // SAFETY: the caller says so.
            let error: E = unsafe { E::of_parts(number, Fields::of(exception))? };
            Ok(Arc::new(error))
        },
    });
    Ok(())
}
