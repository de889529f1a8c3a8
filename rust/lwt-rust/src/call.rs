//! Calls from OCaml.

use std::{future::Future, task::Poll};

use crate::{
    convert::IntoOcaml,
    domain::{self, Cancellation, DomainExecutor},
    error::{Error, Panic},
    ocaml::{Lock, Root, Val},
    stub::{Raw, Status, enter, hold, returned},
    watch::{Named, PollOf},
};

/// Runs an asynchronous function that OCaml calls, and that is called `_name`.
///
/// `start` reads the arguments and returns the future. It gets the stub's arguments, or the
/// present ones if OCaml has moved the values. The future is polled once, now, so that it
/// runs until its first wait, as a Lwt function does. If the future is ready then, it needs
/// neither a task nor a promise of its own.
///
/// # Safety
///
/// Called only from an `extern "C"` function that OCaml calls through an `external` whose
/// result is a `Lwt_rust.Executor.call`; it is the first thing that the function does, and gets
/// the function's parameters. Any thread of the domain may poll and drop the future later.
/// So, unless it is `Send`, the future shares nothing with code that may run without the
/// domain's lock, such as the destructor of a thread-local. The macros ensure that.
pub unsafe fn call<N, F, T, E, const A: usize>(
    _name: N,
    arguments: [Raw; A],
    start: impl FnOnce(&mut Lock, [Raw; A]) -> Result<F, Error>,
) -> Raw
where
    N: Named + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: IntoOcaml,
    E: Into<Error>,
{
    // SAFETY: the caller promises it.
    let attach = |lock: &mut Lock| unsafe { attached(lock, arguments) };
    // SAFETY: the caller promises it, as above.
    unsafe { enter(|lock| begin::<N, _, _, _, A>(lock, attach, start, Cancellation::Drops)) }
}

/// Runs a function as [`call`] does, but the function has to finish. When OCaml cancels the
/// promise, the future goes on, and its result is dropped.
///
/// # Safety
///
/// As for [`call`].
pub unsafe fn call_protected<N, F, T, E, const A: usize>(
    _name: N,
    arguments: [Raw; A],
    start: impl FnOnce(&mut Lock, [Raw; A]) -> Result<F, Error>,
) -> Raw
where
    N: Named + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: IntoOcaml,
    E: Into<Error>,
{
    // SAFETY: the caller promises it.
    let attach = |lock: &mut Lock| unsafe { attached(lock, arguments) };
    // SAFETY: the caller promises it, as above.
    unsafe { enter(|lock| begin::<N, _, _, _, A>(lock, attach, start, Cancellation::Protects)) }
}

/// An executor, and the present arguments of a stub that uses it.
pub(crate) type Attached<const N: usize> = (&'static DomainExecutor, [Raw; N]);

/// The executor of the calling thread's domain, and the present arguments of a stub. The
/// first call of a domain makes the executor. For that it calls OCaml, which moves the
/// arguments.
///
/// # Safety
///
/// The arguments are the parameters of a stub that OCaml has just called, and nothing has
/// allocated since then.
#[inline(always)]
pub(crate) unsafe fn attached<const N: usize>(
    lock: &mut Lock,
    arguments: [Raw; N],
) -> Result<Attached<N>, Error> {
    match domain::at_hand() {
        Some(executor) => Ok((executor, arguments)),
        // SAFETY: the caller promises it.
        None => unsafe { hold(arguments, lock, domain::attached) },
    }
}

fn begin<N, F, T, E, const A: usize>(
    lock: &mut Lock,
    attach: impl FnOnce(&mut Lock) -> Result<Attached<A>, Error>,
    start: impl FnOnce(&mut Lock, [Raw; A]) -> Result<F, Error>,
    cancellation: Cancellation,
) -> Result<Val<'_>, Error>
where
    N: Named + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: IntoOcaml,
    E: Into<Error>,
{
    let (executor, arguments) = attach(lock)?;
    domain::forget_closures();
    let poll = PollOf::<N>::begin();
    let mut future = executor.call_future::<N, F>(start(lock, arguments)?);
    let given = domain::give_closures(lock)?;
    let before = executor.actions_left();
    let Poll::Ready(result) = executor.poll_first(lock, future.as_mut()) else {
        drop(poll);
        let context = domain::keep_closures(given, lock)?;
        let ticket = executor.adopt(lock, future, cancellation)?;
        let ticket = Root::new(Val::from_bits(ticket.to_bits()));
        let actions = Root::new(executor.hand_over_own(lock, before));
        let fields = [&ticket, &*executor.record(), &actions, &context];
        return Ok(lock.block(Status::Pending as u8, &fields));
    };
    executor.end_call_future(future);
    // The function may have kept closures for a task that it has spawned.
    domain::keep_closures(given, lock)?;
    match result {
        Ok(Ok(value)) => {
            let value = Root::new(value.into_ocaml(lock)?);
            Ok(returned::<T>(lock, &value))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(payload) => Err(Panic::from_payload(payload).into()),
    }
}
