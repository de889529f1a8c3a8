//! Calls from OCaml.

use std::{future::Future, task::Poll};

use crate::{
    convert::IntoOcaml,
    error::{Error, Panic},
    executor::{self, Cancellation},
    ffi::{Lock, Raw, Root, Status, Val, enter, returned},
};

/// Runs an asynchronous function that OCaml calls: the body of the stub that
/// [`export!`](crate::export) writes.
///
/// `start` reads the arguments and gives the future, which is polled once, now,
/// so that it runs until its first wait, as a Lwt function does. A future that
/// is ready then costs neither a task nor a promise of its own.
///
/// # Safety
///
/// Called only from an `extern "C"` function that OCaml calls through an
/// `external` whose result is a `Lwt_rust.Call.t`.
pub unsafe fn call<F, T, E>(start: impl FnOnce(&mut Lock) -> Result<F, Error>) -> Raw
where
    F: Future<Output = Result<T, E>> + 'static,
    T: IntoOcaml,
    E: Into<Error>,
{
    // SAFETY: the caller says so.
    unsafe { enter(|lock| begin(lock, start, Cancellation::Drops)) }
}

/// As [`call`], of a function that has to finish: when OCaml cancels the promise,
/// the future goes on, and what it gives is dropped.
///
/// # Safety
///
/// As for [`call`].
pub unsafe fn call_protected<F, T, E>(start: impl FnOnce(&mut Lock) -> Result<F, Error>) -> Raw
where
    F: Future<Output = Result<T, E>> + 'static,
    T: IntoOcaml,
    E: Into<Error>,
{
    // SAFETY: the caller says so.
    unsafe { enter(|lock| begin(lock, start, Cancellation::Protects)) }
}

fn begin<F, T, E>(
    lock: &mut Lock,
    start: impl FnOnce(&mut Lock) -> Result<F, Error>,
    cancellation: Cancellation,
) -> Result<Val<'_>, Error>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: IntoOcaml,
    E: Into<Error>,
{
    let executor = executor::attached(lock)?;
    let mut future = executor.call_future(start(lock)?);
    let Poll::Ready(result) = executor.poll_first(lock, future.as_mut()) else {
        let slot = Root::new(Val::from_index(executor.adopt(future, cancellation)));
        return Ok(lock.block(Status::Pending as u8, &[&slot, &executor.record()]));
    };
    executor.end_call_future(future);
    match result {
        Ok(Ok(value)) => {
            let value = Root::new(value.into_ocaml(lock)?);
            Ok(returned::<T>(lock, &value))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(payload) => Err(Panic::from_payload(payload).into()),
    }
}

/// Writes the stubs of asynchronous functions: `extern "C"` functions of the
/// same names and numbers of arguments, for `external` declarations whose
/// result is a `Lwt_rust.Call.t`.
///
/// Each argument's type is a [`FromOcaml`](crate::FromOcaml); the result is a
/// `Result` of an [`IntoOcaml`] and of anything that an [`Error`] can be made of.
/// There are one to five arguments.
///
/// ```no_run
/// use std::time::Duration;
///
/// lwt_rust::export! {
///     /// `external sleep : float -> unit Lwt_rust.Call.t = "my_sleep"`
///     async fn my_sleep(seconds: f64) -> Result<(), lwt_rust::Error> {
///         tokio::time::sleep(Duration::try_from_secs_f64(seconds)?).await;
///         Ok(())
///     }
/// }
/// ```
#[macro_export]
macro_rules! export {
    ($(
        $(#[$attribute:meta])*
        async fn $name:ident($($argument:ident: $type:ty),+ $(,)?) -> $result:ty $body:block
    )+) => { $(
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($($argument: $crate::Raw),+) -> $crate::Raw {
            async fn function($($argument: $type),+) -> $result $body

            let start = |lock: &mut $crate::Lock| {
                // Reading an argument allocates nothing in OCaml.
                $(
                    // SAFETY: it is a parameter of this stub.
                    let value = unsafe { $argument.argument(lock) };
                    // SAFETY: the symbol is declared in OCaml as this macro says.
                    let $argument = unsafe { <$type as $crate::FromOcaml>::from_ocaml(value) }?;
                )+
                Ok(function($($argument),+))
            };
            // SAFETY: the symbol is declared in OCaml as this macro says.
            unsafe { $crate::call(start) }
        }
    )+ };
}
