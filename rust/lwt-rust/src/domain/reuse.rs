//! Executors whose domains are gone, for other domains to use.
//!
//! A thread of the domain may use a closed executor until the thread ends. So an executor
//! is used again only when OCaml's collector has found that the domain's own storage is
//! gone. That storage contains a [`DomainLife`], which the collector drops.

use std::{
    collections::VecDeque,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    sync::{Mutex, PoisonError},
};

use super::DomainExecutor;

/// A value in the storage of a domain. OCaml drops it when the storage is gone.
pub(crate) struct DomainLife {
    executor: Unused,
    /// The descriptor on which the domain is told to poll. The domain closes the executor
    /// first and the descriptor afterwards.
    socket: Option<RawFd>,
}

/// An executor. Only a thread of the domain that gets it next may use it.
#[derive(Clone, Copy)]
struct Unused(&'static DomainExecutor);

// SAFETY: any thread may have one and ask whether the executor is closed. Only the thread
// that drops the `DomainLife` uses the rest of the executor, and then the one that gets it
// from `take`: no thread of the earlier domain is left (rule 12).
unsafe impl Send for Unused {}

// SAFETY: as for `Send`. An `Unused` is `Copy`, so a shared reference gives no more than the
// value does.
unsafe impl Sync for Unused {}

/// The executors that may be used again, the longest unused one first.
static UNUSED: Mutex<VecDeque<Unused>> = Mutex::new(VecDeque::new());

impl DomainLife {
    /// About the memory that an executor keeps, in bytes. OCaml's collector is told of it,
    /// so that it notices domains that are gone before there are many.
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
                // SAFETY: `create` gave the descriptor to the domain, which is gone. A
                // domain closes the executor before the descriptor, and this executor is
                // not closed, so the descriptor is open.
                drop(unsafe { OwnedFd::from_raw_fd(socket) });
            }
        }
        if !shared.is_of_lwt() && executor.is_empty() && shared.spawned().is_empty() {
            let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
            unused.push_back(self.executor);
        }
    }
}

/// An executor that belongs to no domain, for the domain of the calling thread.
pub(super) fn take() -> Option<&'static DomainExecutor> {
    let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    unused.pop_front().map(|Unused(executor)| executor)
}
