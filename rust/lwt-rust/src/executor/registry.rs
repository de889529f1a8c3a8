//! Which executor belongs to which domain.

use once_cell::sync::OnceCell;

use super::{DomainExecutor, Handle, Shared};
use crate::{
    callbacks::{Callback, call_back},
    error::Error,
    ffi::{self, Lock, Root},
    fork, runtime,
};

/// The executor and the number of its domain. Lwt runs one main loop in a
/// process, so there is one executor.
static OWNER: OnceCell<Owner> = OnceCell::new();

struct Owner {
    domain: i64,
    executor: &'static DomainExecutor,
    handle: Handle,
}

// SAFETY: the reference is given only to threads that hold the lock of the
// domain that the executor belongs to: `attach` compares the number, which is
// never used again for another domain.
unsafe impl Send for Owner {}

// SAFETY: as for `Send`.
unsafe impl Sync for Owner {}

/// The executor of the calling thread's domain, made now if there is none.
///
/// # Errors
///
/// The OCaml exception that says why this domain cannot have one.
pub(crate) fn attached(lock: &mut Lock) -> Result<&'static DomainExecutor, Error> {
    if let Some(executor) = ffi::executor() {
        return Ok(executor);
    }
    fork::check()?;
    if let Some(called) = call_back(lock, Callback::AttachExecutor, &[&Root::UNIT]) {
        called?;
    }
    ffi::executor().ok_or(Error::Abandoned)
}

/// How many notifications were sent to the Lwt loop so far. Any thread may call
/// this.
pub(crate) fn notifications() -> usize {
    OWNER.get().map_or(0, |owner| owner.handle.notifications())
}

/// Attaches the executor of domain `domain`, the calling thread's, to the
/// thread. Returns `false` if it has none yet.
///
/// # Errors
///
/// If another domain owns the executor.
pub(crate) fn attach(domain: i64) -> Result<bool, Error> {
    match OWNER.get() {
        None => Ok(false),
        Some(owner) if owner.domain == domain => {
            ffi::set_executor(owner.executor);
            Ok(true)
        }
        Some(owner) => Err(Error::message(format!(
            "domain {domain} cannot call asynchronous Rust functions: domain {} runs the Lwt \
             loop that they need, so call them there (Lwt_preemptive.run_in_main, or a queue \
             that a promise of that domain reads)",
            owner.domain
        ))),
    }
}

/// Makes the executor of domain `domain`, the calling thread's.
///
/// # Errors
///
/// If tokio's runtime cannot be started, or another domain was faster.
pub(crate) fn create(
    domain: i64,
    notification: isize,
    record: Root,
    completions: Root,
) -> Result<(), Error> {
    fork::watch()?;
    let shared = Shared::new(notification, runtime::start()?);
    // It lives as long as the process: so may wakers and handles.
    let executor = Box::leak(Box::new(DomainExecutor::new(shared, record, completions)));
    let owner = Owner {
        domain,
        executor,
        handle: executor.handle(),
    };
    if OWNER.set(owner).is_err() {
        return attach(domain).map(drop);
    }
    ffi::set_executor(executor);
    Ok(())
}
