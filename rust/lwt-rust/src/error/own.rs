//! Errors that have an OCaml exception of their own.
//!
//! `#[derive(OcamlException)]` gives the variants of an error type exceptions, which the
//! generated OCaml module declares. When the module starts, it registers their constructors
//! here. An error on its way to OCaml becomes the exception of the first entry that knows the
//! error's type. An exception on its way to Rust is read by the entry that has its
//! constructor.

use std::{
    error::Error as StdError,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use lwt_rust_core::{catch_panic, drop_quietly};

use super::{Error, Exception, std_error::StdError as Ours};
use crate::{
    callbacks::{Callback, call_back},
    convert::mismatch,
    expansion::Fields,
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
/// - `#[ocaml(transparent)]` on a variant with one field, an error: the variant becomes what
///   that error becomes. If that has no exception of its own, it is `Lwt_rust.Error`, with
///   the message of the variant.
/// - `#[ocaml(skip)]` on a field: OCaml does not get it. So when OCaml code raises the
///   exception, no error of this type can be made of it: [`Error::downcast_ref`] gives `None`.
/// - `#[ocaml(same_as = "Stdlib.Not_found")]` on a variant, or on a struct: the exception is
///   one that OCaml has already. OCaml's compiler refuses the bindings if its arguments are
///   others.
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

/// What an error becomes in OCaml.
#[doc(hidden)]
pub enum Parts<'e> {
    /// The exception of this number, with these arguments.
    Exception(usize, Vec<Root>),
    /// What another error becomes.
    Other(&'e (dyn StdError + 'static)),
}

type Shared = Arc<dyn StdError + Send + Sync>;

/// The exceptions of a type.
struct Entry {
    constructors: Vec<Root>,
    are_new: &'static [bool],
    /// `None` if the error is of another type.
    write: for<'e> fn(&'e (dyn StdError + 'static), &mut Lock) -> Option<Result<Parts<'e>, Error>>,
    /// # Safety
    ///
    /// As for [`OcamlException::of_parts`].
    read: unsafe fn(usize, Fields<'_>) -> Result<Shared, Error>,
}

/// One for each type. They stay for ever, as OCaml's modules do.
static ENTRIES: Mutex<Vec<&'static Entry>> = Mutex::new(Vec::new());

/// A copy of the list: code of the user's runs while it is searched.
fn entries() -> Vec<&'static Entry> {
    ENTRIES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Keeps the constructors of the exceptions of `E`, which an OCaml module has declared.
///
/// # Errors
///
/// If their number is another one.
pub(crate) fn register<E: OcamlException>(constructors: Val<'_>) -> Result<(), Error> {
    let constructors: Vec<Root> = (0..constructors.size())
        .filter_map(|index| constructors.field(index).map(Root::new))
        .collect();
    if constructors.len() != E::EXCEPTIONS.len() {
        return Err(mismatch("an array of constructors of exceptions"));
    }
    let entry = Entry {
        constructors,
        are_new: E::EXCEPTIONS,
        write: |error, lock| Some(error.downcast_ref::<E>()?.parts(lock)),
        read: |number, fields| {
            // SAFETY: the caller says so.
            let error: E = unsafe { E::of_parts(number, fields)? };
            Ok(Arc::new(error))
        },
    };
    let mut entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    entries.push(Box::leak(Box::new(entry)));
    Ok(())
}

/// The OCaml exception that an error has of its own, if it has one, and its raw backtrace:
/// `Unix.Unix_error`, one of Lwt's, one that OCaml gave to Rust, or one that is derived.
///
/// The error's type is the user's, so this may panic.
pub(super) fn exception_of(error: &(dyn StdError + 'static), lock: &mut Lock) -> Option<[Root; 2]> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match (error.raw_os_error(), error.get_ref()) {
            (Some(errno), _) => {
                let error = Root::new(lock.unix_error(errno));
                made(lock, Callback::MakeUnixError, &error)
            }
            // It shows as the error in it.
            (None, Some(inner)) => exception_of(inner, lock),
            (None, None) => None,
        };
    }
    if error.is::<tokio::time::error::Elapsed>() {
        return made(lock, Callback::MakeTimeout, &Root::UNIT);
    }
    if let Some(error) = error.downcast_ref::<tokio::task::JoinError>() {
        return match error.is_cancelled() {
            true => made(lock, Callback::MakeCanceled, &Root::UNIT),
            false => None,
        };
    }
    if let Some(error) = error.downcast_ref::<Ours>() {
        return match error.get() {
            Error::Exception(exception) => Some(exception.parts(lock)),
            Error::Failure(failure) => exception_of(failure.error(), lock),
            Error::Panic(panic) => panic
                .clone()
                .make(lock)?
                .ok()
                .map(|exn| [Root::new(exn), Root::UNIT]),
            Error::Abandoned => made(lock, Callback::MakeAbandoned, &Root::UNIT),
        };
    }
    entries().iter().find_map(|entry| {
        let parts = (entry.write)(error, lock)?;
        // An argument that OCaml cannot represent: the error is one of Lwt_rust.
        let Ok(parts) = parts else { return Some(None) };
        Some(match parts {
            Parts::Other(other) => exception_of(other, lock),
            Parts::Exception(number, arguments) => {
                let constructor = entry.constructors.get(number)?;
                let exception = match arguments.as_slice() {
                    [] => Root::new(constructor.get(lock)),
                    arguments => {
                        let fields: Vec<&Root> =
                            std::iter::once(constructor).chain(arguments).collect();
                        Root::new(lock.block(0, &fields))
                    }
                };
                Some([exception, Root::UNIT])
            }
        })
    })?
}

fn made(lock: &mut Lock, callback: Callback, argument: &Root) -> Option<[Root; 2]> {
    match call_back(lock, callback, &[argument])? {
        Ok(exception) => Some([Root::new(exception), Root::UNIT]),
        // OCaml has no memory for the exception, or the handler of a signal has raised.
        Err(raised) => Some([raised.0, Root::UNIT]),
    }
}

/// The entry that has the constructor of an exception, and the number of the exception in it.
fn entry_of(exception: Val<'_>) -> Option<(&'static Entry, usize)> {
    // An exception without arguments is its constructor.
    let constructor = match exception.tag() {
        Some(0) => exception.field(0)?,
        _ => exception,
    };
    entries().into_iter().find_map(|entry| {
        let is_it =
            |root: &Root| constructor.loan(|lock| root.get(lock).raw() == constructor.raw());
        Some((entry, entry.constructors.iter().position(is_it)?))
    })
}

/// The error that an OCaml exception stands for, if it is one that is derived.
pub(super) fn error_of(exception: Val<'_>) -> Option<Shared> {
    let (entry, number) = entry_of(exception)?;
    // The conversion is the user's, perhaps.
    let read = catch_panic(|| {
        // SAFETY: it is an exception of this constructor, which has the arguments that the
        // record of the type declares.
        unsafe { (entry.read)(number, Fields::of(exception)) }
    });
    match read {
        Ok(read) => read.ok(),
        Err(payload) => {
            drop_quietly(payload);
            None
        }
    }
}

/// The message of the error that an exception stands for. OCaml's own exceptions keep their
/// texts.
pub(crate) fn message_of(exception: Val<'_>) -> Option<String> {
    let (entry, number) = entry_of(exception)?;
    if !entry.are_new[number] {
        return None;
    }
    let error = error_of(exception)?;
    match catch_panic(|| error.to_string()) {
        Ok(message) => Some(message),
        Err(payload) => {
            drop_quietly(payload);
            None
        }
    }
}

impl Exception {
    /// The error that this exception stands for, if it is one of the type `E`
    /// ([`OcamlException`]).
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.error()?.downcast_ref()
    }
}
