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

use super::{Error, std_error::StdError as Ours};
use crate::{
    callbacks::{Callback, call_back},
    ocaml::{Lock, Root, Val},
};

/// What an error becomes in OCaml.
#[doc(hidden)]
pub enum Parts<'e> {
    /// The exception of this number, with these arguments.
    Exception(usize, Vec<Root>),
    /// What another error becomes.
    Other(&'e (dyn StdError + 'static)),
    /// The same, of one of ours.
    Ours(&'e Error),
}

pub(crate) type Shared = Arc<dyn StdError + Send + Sync>;

/// The exceptions of an error type.
pub(crate) struct Exceptions {
    pub(crate) constructors: Vec<Root>,
    /// Whether each is a new one, which the bindings have declared.
    pub(crate) are_new: &'static [bool],
    /// `None` if the error is of another type.
    pub(crate) write:
        for<'e> fn(&'e (dyn StdError + 'static), &mut Lock) -> Option<Result<Parts<'e>, Error>>,
    /// The error for an exception of this number.
    ///
    /// # Safety
    ///
    /// It is such an exception.
    pub(crate) read: unsafe fn(usize, Val<'_>) -> Result<Shared, Error>,
}

/// One for each type. They stay for ever, as OCaml's modules do.
static ENTRIES: Mutex<Vec<&'static Exceptions>> = Mutex::new(Vec::new());

/// A copy of the list: code of the user's runs while it is searched.
fn entries() -> Vec<&'static Exceptions> {
    ENTRIES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Adds the exceptions of a type.
pub(crate) fn add_exceptions(exceptions: Exceptions) {
    let mut entries = ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    entries.push(Box::leak(Box::new(exceptions)));
}

/// The OCaml exception that an error has of its own, if it has one, and its raw backtrace:
/// `Unix.Unix_error`, one of Lwt's, one that OCaml gave to Rust, or one that is derived.
///
/// The error's type is the user's, so this may panic.
pub(super) fn exception_of(error: &(dyn StdError + 'static), lock: &mut Lock) -> Option<[Root; 2]> {
    if let Some(error) = found::<io::Error>(error) {
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
    if let Some(error) = found::<Ours>(error) {
        return exception_of_ours(error.get(), lock);
    }
    entries().iter().find_map(|entry| {
        let parts = (entry.write)(error, lock)?;
        // An argument that OCaml cannot represent: the error is one of Lwt_rust.
        let Ok(parts) = parts else { return Some(None) };
        Some(match parts {
            Parts::Other(other) => exception_of(other, lock),
            Parts::Ours(ours) => exception_of_ours(ours, lock),
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

fn exception_of_ours(error: &Error, lock: &mut Lock) -> Option<[Root; 2]> {
    match error {
        Error::Exception(exception) => Some(exception.parts(lock)),
        Error::Failure(failure) => exception_of(failure.error(), lock),
        Error::Panic(panic) => match panic.clone().make(lock)? {
            Ok(exception) => Some([Root::new(exception), Root::UNIT]),
            Err(raised) => Some([raised.0, Root::UNIT]),
        },
        Error::Abandoned => made(lock, Callback::MakeAbandoned, &Root::UNIT),
    }
}

/// The error as one of the type `E`, perhaps behind a pointer.
pub(crate) fn found<'e, E: StdError + 'static>(
    error: &'e (dyn StdError + 'static),
) -> Option<&'e E> {
    let boxed = || error.downcast_ref::<Box<E>>().map(|error| &**error);
    let shared = || error.downcast_ref::<Arc<E>>().map(|error| &**error);
    error.downcast_ref().or_else(boxed).or_else(shared)
}

fn made(lock: &mut Lock, callback: Callback, argument: &Root) -> Option<[Root; 2]> {
    match call_back(lock, callback, &[argument])? {
        Ok(exception) => Some([Root::new(exception), Root::UNIT]),
        // OCaml has no memory for the exception, or the handler of a signal has raised.
        Err(raised) => Some([raised.0, Root::UNIT]),
    }
}

/// The entry that has the constructor of an exception, and the number of the exception in it.
fn entry_of(exception: Val<'_>) -> Option<(&'static Exceptions, usize)> {
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
        unsafe { (entry.read)(number, exception) }
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
    let message = catch_panic(|| error.to_string());
    // If its destructor panicked at the end of this function, the message would be leaked.
    drop_quietly(error);
    match message {
        Ok(message) => Some(message),
        Err(payload) => {
            drop_quietly(payload);
            None
        }
    }
}
