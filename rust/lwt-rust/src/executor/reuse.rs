//! Executors whose domains are gone, for other domains to use.
//!
//! A closed executor may still be that of a thread: one of the domain's that has
//! not ended yet. So it is used again only when OCaml's collector has found that
//! the domain's own storage is gone, in which there is a [`DomainLife`].

use std::{
    collections::VecDeque,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    sync::{Mutex, PoisonError},
};

use super::DomainExecutor;

/// OCaml has it in the storage of a domain, and drops it when that is gone.
pub(crate) struct DomainLife {
    executor: Unused,
    /// The descriptor on which the domain is told to poll, which it closes when it has
    /// closed the executor.
    socket: Option<RawFd>,
}

/// An executor, to be looked into only by a thread of the domain that it is given
/// to.
#[derive(Clone, Copy)]
struct Unused(&'static DomainExecutor);

// SAFETY: any thread may have one and ask whether the executor is closed. The rest
// of the executor is the business of the thread that drops the `DomainLife`, and then
// of the one that gets it from `take`: none of the earlier domain's threads is left
// (rule 12).
unsafe impl Send for Unused {}

// SAFETY: as above.
unsafe impl Sync for Unused {}

/// The executors that may be used again, in turn.
static UNUSED: Mutex<VecDeque<Unused>> = Mutex::new(VecDeque::new());

impl DomainLife {
    /// About what an executor keeps: for a domain that is gone to be noticed
    /// before there are many.
    pub(crate) const SIZE: usize = 1 << 12;

    pub(crate) fn new(executor: &'static DomainExecutor, socket: Option<RawFd>) -> Self {
        DomainLife {
            executor: Unused(executor),
            socket,
        }
    }
}

impl Drop for DomainLife {
    fn drop(&mut self) {
        let Unused(executor) = self.executor;
        let shared = executor.shared();
        if !shared.is_closed() {
            executor.give_up();
            if let Some(socket) = self.socket {
                // SAFETY: `create` gave it to the domain, which is gone and has not closed
                // it: it closes the executor before.
                drop(unsafe { OwnedFd::from_raw_fd(socket) });
            }
        }
        if !shared.is_of_lwt() && executor.is_empty() {
            let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
            unused.push_back(self.executor);
        }
    }
}

/// An executor that is no domain's, for the calling thread's.
pub(super) fn take() -> Option<&'static DomainExecutor> {
    let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    unused.pop_front().map(|Unused(executor)| executor)
}
