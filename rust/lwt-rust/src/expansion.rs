//! The items that the code of our macros uses. They are no part of the interface.

#![allow(missing_docs, reason = "nobody but our macros uses this")]

use std::sync::atomic::{AtomicU8, Ordering};

use crate::{
    call::attached,
    convert::{self, FromOcaml, IntoOcaml, error_in},
    domain,
    error::Error,
    ocaml::{Lock, Root},
    runtime::{self, begin_poll, enter_tokio},
    stub::{act, enter, returned},
    watch::PollOf,
};

pub use crate::{
    bindings::Type,
    bound::{Binding, stays, succeeds},
    call::{call, call_protected},
    convert::{
        Fields, Inner, Level, Object, OcamlException, Read, Seen, Whole, With, block, component,
        constant, deeper_into_ocaml, deeper_into_rust, given_up, mismatch, read_polymorphic,
        read_variant, record, record_fields, tagged,
    },
    error::Parts,
    stub::Raw,
    watch::Named,
};

pub use lwt_rust_core::{Part, length, record as bytes};

/// What a library can name: a type that `#[func]` has made of a function, with the function's
/// name, a type with `#[methods]`, or a type with the derive `OcamlException`.
///
/// # Safety
///
/// The symbol has to be that of a stub, or of methods, with the description that the bindings
/// read: OCaml's compiler believes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no function with the attribute `#[lwt_rust::func]`, no type with the \
               attribute `#[lwt_rust::methods]`, and none with the derive `OcamlException`",
    label = "this cannot be in a library"
)]
pub unsafe trait Member {
    const SYMBOL: &'static str;
}

/// The result of a function that may fail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has an error that cannot become an OCaml exception",
    label = "the error cannot become a `lwt_rust::Error`",
    note = "an error implements `std::error::Error`, `Send` and `Sync`, or is a `Box<dyn Error + \
            Send + Sync>`, a `String`, a `&'static str` or a `lwt_rust::Error`; for any other, \
            return a `Result<_, lwt_rust::Error>`, made by `lwt_rust::Error::message`"
)]
pub trait Fallible {
    type Value;
}

#[diagnostic::do_not_recommend]
impl<T, E: Into<Error>> Fallible for Result<T, E> {
    type Value = T;
}

// Functions.

/// Reads an argument of a stub. An error contains the argument's name.
///
/// # Safety
///
/// As for [`Raw::argument`]. The argument has the OCaml type of `T`.
pub unsafe fn argument<T: FromOcaml>(
    raw: Raw,
    lock: &Lock,
    function: &str,
    name: &str,
) -> Result<T, Error> {
    // SAFETY: the caller promises it.
    let value = unsafe { raw.argument(lock) };
    // SAFETY: the caller promises it.
    unsafe { T::from_ocaml(value) }
        .map_err(|error| error_in(&format!("argument {name} of {function}"), error))
}

/// Runs a function that OCaml calls and that returns no promise. `start` reads the
/// arguments and returns the function, which may borrow the lock.
///
/// If `MAY_BE_OF_EXECUTOR`, and `is_of_executor` says that some arguments belong to the
/// domain's executor, this makes the executor. If `USES_TOKIO`, it starts the runtime.
/// Otherwise it starts nothing, but the function has tokio's context if the runtime has
/// started.
///
/// # Safety
///
/// Called only from an `extern "C"` function that OCaml calls through an `external` whose
/// result is a `Lwt_rust.Call.direct`; it is the first thing that the function does, and
/// gets the function's parameters.
pub unsafe fn direct<
    const MAY_BE_OF_EXECUTOR: bool,
    const USES_TOKIO: bool,
    N,
    F,
    T,
    E,
    const A: usize,
>(
    _name: N,
    arguments: [Raw; A],
    is_of_executor: impl FnOnce(&Lock, [Raw; A]) -> bool,
    start: impl FnOnce(&mut Lock, [Raw; A]) -> Result<F, Error>,
) -> Raw
where
    N: Named,
    F: FnOnce() -> Result<T, E>,
    T: IntoOcaml,
    E: Into<Error>,
{
    let body = |lock: &mut Lock| {
        begin_poll();
        let lacks_executor = MAY_BE_OF_EXECUTOR && domain::at_hand().is_none();
        let arguments = match lacks_executor && is_of_executor(lock, arguments) {
            // SAFETY: the caller promises it.
            true => unsafe { attached(lock, arguments)?.1 },
            false => arguments,
        };
        // If this fails, OCaml keeps the values that the function would have taken.
        let tokio = match USES_TOKIO {
            true => Some(domain::tokio()?),
            false => runtime::started(),
        };
        domain::forget_closures();
        let function = start(lock, arguments)?;
        let given = domain::give_closures(lock)?;
        let _entered = tokio.and_then(enter_tokio);
        let result = lock.lend(function);
        domain::keep_closures(given, lock)?;
        convert::root(result.map_err(Into::into)?, lock)
    };
    // SAFETY: the caller promises it.
    unsafe {
        enter(|lock| {
            let poll = PollOf::<N>::begin();
            let value = body(lock)?;
            drop(poll);
            Ok(returned::<T>(lock, &value))
        })
    }
}

/// Whether the arguments of a function belong to the executor. The answer is found at the
/// first call and kept.
pub struct Known(AtomicU8);

impl Known {
    const UNKNOWN: u8 = 2;

    #[expect(clippy::new_without_default, reason = "for a static of the macro's")]
    pub const fn new() -> Self {
        Known(AtomicU8::new(Self::UNKNOWN))
    }

    #[cold]
    pub fn get(&self, find_out: impl FnOnce(&mut Seen) -> bool) -> bool {
        match self.0.load(Ordering::Relaxed) {
            Self::UNKNOWN => {
                let found = find_out(&mut Seen::default());
                self.0.store(found.into(), Ordering::Relaxed);
                found
            }
            known => known != 0,
        }
    }
}

// Exceptions.

/// The stub by which an OCaml module registers the exceptions of `E`.
///
/// # Safety
///
/// Called only from an `extern "C"` function that OCaml calls through an `external` whose
/// result is a `unit Lwt_rust.Call.direct`, with the function's parameter: an array of the
/// constructors that the record of the type declares, in their order.
pub unsafe fn exceptions<E: OcamlException>(constructors: Raw) -> Raw {
    // SAFETY: the caller promises it.
    unsafe {
        act([constructors], |lock, [constructors]| {
            convert::register_exceptions::<E>(constructors.get(lock))
        })
    }
}

/// The type of an argument of an exception.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of an OCaml exception",
    note = "such a type is known to OCaml in both directions, and can be cloned",
    note = "if this is an error in the only field of its variant, write `#[ocaml(transparent)]` on \
            the variant: OCaml gets the exception of that error",
    note = "if OCaml does not need the field, write `#[ocaml(skip)]` on it: then the exception does \
            not become this error again when OCaml gives it to Rust"
)]
pub trait ArgumentOfException: IntoOcaml + FromOcaml {}

#[diagnostic::do_not_recommend]
impl<T: IntoOcaml + FromOcaml> ArgumentOfException for T {}

/// Converts an argument of an exception.
pub fn argument_of_exception<T: ArgumentOfException>(
    value: T,
    lock: &mut Lock,
) -> Result<Root, Error> {
    convert::root(value, lock)
}
