//! Which executor belongs to which domain.

use std::{
    os::unix::net::UnixStream,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Waker,
};

use super::{
    DomainExecutor, Handle, Shared, Way,
    first::is_first,
    here::{executor_at_hand, here, set_executor},
    reuse,
};
use crate::{
    callbacks::{Callback, call_back},
    error::{Error, Exception},
    fork,
    lwt_loop::{self, LwtLoop},
    ocaml::{self, Access, Lock, Root, access},
    reports,
    runtime::{self, Suspicion},
};

/// The executors that are not closed, with the numbers of their domains. A process has one
/// Lwt loop, so that loop drives at most one of them.
static EXECUTORS: Mutex<Vec<Owner>> = Mutex::new(Vec::new());

/// How many notifications were sent to Lwt loops whose executors are closed.
static EARLIER_NOTIFICATIONS: AtomicUsize = AtomicUsize::new(0);

static IS_SHUT_DOWN: AtomicBool = AtomicBool::new(false);

struct Owner {
    domain: i64,
    executor: &'static DomainExecutor,
    handle: Handle,
}

// SAFETY: the reference is given only to threads that hold the lock of the domain that the
// executor belongs to: `attach` compares the number of the domain, and no later domain gets
// the same number.
unsafe impl Send for Owner {}

fn executors() -> MutexGuard<'static, Vec<Owner>> {
    // Nothing that can panic runs under this lock.
    EXECUTORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tokio runtime, for a function that is not a task. Starts the runtime if it has not
/// started.
///
/// # Errors
///
/// The same as for an asynchronous function: the runtime was shut down, it stayed in the
/// process that this one was forked from, or the system cannot give it the threads or
/// descriptors.
#[inline]
pub(crate) fn tokio() -> Result<&'static tokio::runtime::Handle, Error> {
    match runtime::started() {
        Some(tokio) if !is_shut_down() && !fork::happened() => Ok(tokio),
        Some(_) | None => start_tokio(),
    }
}

#[cold]
fn start_tokio() -> Result<&'static tokio::runtime::Handle, Error> {
    refuse_if_shut_down()?;
    fork::check()?;
    fork::watch()?;
    runtime::start()?;
    runtime::started().ok_or(Error::Abandoned)
}

fn refuse_if_shut_down() -> Result<(), Error> {
    if is_shut_down() {
        return Err(Error::message(
            "lwt_rust was shut down by Lwt_rust.Runtime.shutdown: no asynchronous Rust function \
             can be called any more",
        ));
    }
    Ok(())
}

/// The executor of the calling thread's domain. `None` if it is not attached to the thread,
/// or cannot be used any more.
#[inline]
pub(crate) fn at_hand() -> Option<&'static DomainExecutor> {
    let is_usable = |executor: &&DomainExecutor| !executor.shared().is_closed();
    here().filter(is_usable).filter(|_| !is_shut_down())
}

/// The executor of the calling thread's domain. Makes it if there is none.
///
/// # Errors
///
/// The OCaml exception that says why this domain cannot have one.
#[inline]
pub(crate) fn attached(lock: &mut Lock) -> Result<&'static DomainExecutor, Error> {
    at_hand().map_or_else(|| attached_now(lock), Ok)
}

#[cold]
fn attached_now(lock: &mut Lock) -> Result<&'static DomainExecutor, Error> {
    refuse_if_shut_down()?;
    fork::check()?;
    if let Some(Err(raised)) = call_back(lock, Callback::AttachExecutor, &[&Root::UNIT]) {
        return Err(Exception::raised(lock, raised).into());
    }
    here()
        .filter(|executor| !executor.shared().is_closed())
        .ok_or(Error::Abandoned)
}

impl Shared {
    /// Whether the calling thread belongs to the domain and waits in a `block_on`, with
    /// this waker. Then nothing in the domain can go on.
    #[cold]
    pub(super) fn waits_for_itself(&self, waker: &Waker, suspicion: &mut Suspicion) -> bool {
        match executor_at_hand(self) {
            Some(executor) => executor.is_blocked(waker, suspicion),
            None => {
                access() != Access::Outside
                    && is_of_this_domain(self)
                    && suspicion.is_confirmed(waker)
            }
        }
    }
}

impl DomainExecutor {
    /// Whether the calling thread, which holds the lock of the domain, waits in a `block_on`
    /// with this waker.
    fn is_blocked(&self, waker: &Waker, suspicion: &mut Suspicion) -> bool {
        let is_of_task = is_first(waker) || self.slot_of(waker).is_some();
        !is_of_task && suspicion.is_confirmed(waker)
    }
}

/// Whether the calling thread holds the lock of a domain and waits in a `block_on`, with this
/// waker. Then no domain can collect garbage.
#[cold]
pub(crate) fn waits_with_lock(waker: &Waker, suspicion: &mut Suspicion) -> bool {
    match here() {
        Some(executor) => {
            executor_at_hand(executor.shared()).is_some() && executor.is_blocked(waker, suspicion)
        }
        None => access() != Access::Outside && suspicion.is_confirmed(waker),
    }
}

impl Handle {
    /// The handle of the domain that runs the Lwt loop. `None` before that domain has an
    /// executor, which its first call of an asynchronous function makes, or
    /// `Lwt_rust.Runtime.start`. `None` after the executor was shut down, too. Any thread
    /// may call it.
    pub fn of_lwt() -> Option<Self> {
        of_lwt()
    }
}

/// Whether the calling thread runs a stub of the domain that `shared` belongs to. The
/// executor need not be attached to the thread.
#[cold]
fn is_of_this_domain(shared: &Shared) -> bool {
    let is_it = |owner: &Owner| std::ptr::eq(owner.handle.shared(), shared);
    ocaml::domain().is_some_and(|domain| {
        let executors = executors();
        let owner = executors.iter().find(|owner| is_it(owner));
        owner.is_some_and(|owner| owner.domain == domain)
    })
}

fn of_lwt() -> Option<Handle> {
    let executors = executors();
    let mut handles = executors.iter().map(|owner| owner.handle);
    handles.find(|handle| handle.shared().is_of_lwt())
}

fn lwt_loop() -> Option<&'static dyn LwtLoop> {
    of_lwt().map(|handle| handle.shared() as &dyn LwtLoop)
}

/// How many notifications were sent to Lwt loops so far. Any thread may call it.
pub(crate) fn notifications() -> usize {
    let earlier = EARLIER_NOTIFICATIONS.load(Ordering::Relaxed);
    earlier + of_lwt().map_or(0, Handle::notifications)
}

/// Attaches the executor of `domain` to the calling thread, which must belong to that
/// domain. Returns `false` if the domain has no executor yet and may create one: driven by
/// the Lwt loop if `by_lwt`, by itself otherwise.
///
/// # Errors
///
/// If the domain may not have such an executor.
pub(crate) fn attach(domain: i64, by_lwt: bool) -> Result<bool, Error> {
    let executors = executors();
    if let Some(owner) = executors.iter().find(|owner| owner.domain == domain) {
        let is_of_lwt = owner.handle.shared().is_of_lwt();
        if is_of_lwt && !by_lwt {
            return Err(Error::message(format!(
                "domain {domain} is the domain of the Lwt loop, which Lwt_rust.Executor would \
                 block: call the function itself. If another domain runs the loop, call \
                 Lwt_rust.Runtime.start there before this domain calls Rust"
            )));
        }
        set_executor(owner.executor);
        return Ok(true);
    }
    refuse_if_shut_down()?;
    let lwt = executors
        .iter()
        .find(|owner| owner.handle.shared().is_of_lwt());
    match lwt {
        Some(owner) if by_lwt => Err(Error::message(format!(
            "domain {domain} is not the domain of the Lwt loop. That is domain {}, which called \
             Lwt_rust.Runtime.start or an asynchronous Rust function first. Call such functions \
             there, with Lwt_rust.Executor.run_in_lwt. Here, Lwt_rust.Executor.run \
             calls a function of the module Call of the generated module",
            owner.domain
        ))),
        Some(_) | None => Ok(false),
    }
}

/// An executor lives as long as the process, since wakers and handles may (rule 12).
fn leak(executor: DomainExecutor) -> &'static DomainExecutor {
    Box::leak(Box::new(executor))
}

/// Makes the executor of `domain`, to which the calling thread must belong. With a
/// `notification`, the Lwt loop drives the executor. Without one, this returns the socket
/// on which the domain will be told to poll.
///
/// # Errors
///
/// If tokio's runtime cannot be started, if the system has no descriptors left, or if
/// another domain was faster. If the domain has got an executor meanwhile, that one stays,
/// and no socket is returned.
pub(crate) fn create(
    domain: i64,
    notification: Option<isize>,
    record: Root,
) -> Result<Option<UnixStream>, Error> {
    fork::watch()?;
    if attach(domain, notification.is_some())? {
        // The handler of a signal, or another thread of the domain, has made an executor.
        let is_alike = |executor: &DomainExecutor| executor.is_of_lwt() == notification.is_some();
        return match here().is_some_and(is_alike) {
            true => Ok(None),
            false => Err(Error::message(format!(
                "domain {domain} has an executor that Lwt_rust.Executor.run drives: call \
                 asynchronous Rust functions with that"
            ))),
        };
    }
    let tokio = runtime::start()?;
    let (executor, socket) = match notification {
        Some(notification) => {
            let shared = Shared::new(Way::Lwt(notification), tokio);
            let executor = DomainExecutor::new(shared, record);
            (leak(executor), None)
        }
        None => {
            let (ours, theirs) = UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            let executor = match reuse::take() {
                Some(executor) => {
                    executor.begin_again(ours, record);
                    executor
                }
                None => {
                    let way = Way::Socket(Some(ours).into());
                    let shared = Shared::new(way, tokio);
                    leak(DomainExecutor::new(shared, record))
                }
            };
            (executor, Some(theirs))
        }
    };
    let shared = executor.shared();
    let mut executors = executors();
    let is_taken = |owner: &Owner| owner.handle.shared().is_of_lwt();
    if shared.is_of_lwt() && executors.iter().any(is_taken) {
        drop(executors);
        attach(domain, true)?;
        return Ok(None);
    }
    if shared.is_of_lwt() {
        executor.waits().go_on_from_last_lwt();
        lwt_loop::found_by(lwt_loop);
    }
    executors.push(Owner {
        domain,
        executor,
        handle: executor.handle(),
    });
    drop(executors);
    set_executor(executor);
    if shared.is_of_lwt() {
        reports::tell_of_earlier();
    }
    Ok(socket)
}

/// Forgets an executor that is closed.
pub(super) fn forget(executor: &DomainExecutor) {
    let shared = executor.shared();
    let mut executors = executors();
    let before = executors.len();
    executors.retain(|owner| !std::ptr::eq(owner.handle.shared(), shared));
    if executors.len() < before && shared.is_of_lwt() {
        let sent = executor.handle().notifications();
        EARLIER_NOTIFICATIONS.fetch_add(sent, Ordering::Relaxed);
    }
}

/// No domain gets an executor from now on. Wakes the executors that are left, so that their
/// domains notice. Any thread may call it.
pub(crate) fn shut_down() {
    IS_SHUT_DOWN.store(true, Ordering::Relaxed);
    let handles: Vec<_> = executors().iter().map(|owner| owner.handle).collect();
    for handle in handles {
        handle.shared().wake();
    }
}

/// Whether all executors were shut down.
pub(crate) fn is_shut_down() -> bool {
    IS_SHUT_DOWN.load(Ordering::Relaxed)
}
