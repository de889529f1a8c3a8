//! Panics, and who is told of them.

use std::{
    any::Any,
    cell::RefCell,
    collections::VecDeque,
    io::Write,
    panic::PanicHookInfo,
    ptr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use lwt_rust_core::{Payload, drop_quietly};

use super::{Exception, Trace};
use crate::{
    callbacks::{Callback, call_back},
    executor::Handle,
    ffi::{Lock, Root, Val},
    fork, runtime,
};

/// A caught panic.
#[derive(Clone, Debug)]
pub struct Panic(Box<PanicInner>);

#[derive(Clone, Debug)]
struct PanicInner {
    message: String,
    location: String,
    trace: Option<Trace>,
}

/// Those with the same message, from the same place.
impl PartialEq for Panic {
    fn eq(&self, other: &Self) -> bool {
        self.message() == other.message() && self.location() == other.location()
    }
}

impl Eq for Panic {}

thread_local! {
    /// Where the last panic of this thread happened: its payload does not say.
    static LAST_PANIC: RefCell<Option<(String, Option<Trace>)>> = const { RefCell::new(None) };
}

/// The panics that OCaml's reporter has not been told of.
static REPORTS: Mutex<VecDeque<Panic>> = Mutex::new(VecDeque::new());

/// The most of them that are kept; others are printed at once.
const MOST_REPORTS: usize = 64;

/// Whether our hook exists: it is the hook of the process, or another hook has it, and calls
/// it.
static IS_SET: AtomicBool = AtomicBool::new(false);

/// Held while the hook of the process is changed: meanwhile it is Rust's own.
static CHANGING: Mutex<()> = Mutex::new(());

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// A part of our hook. If somebody sets another hook in its place, and does not keep ours,
/// Rust drops ours after the change. Then ours is set again, and calls the other one.
struct OurHook;

impl Drop for OurHook {
    fn drop(&mut self) {
        IS_SET.store(false, Ordering::Relaxed);
        Panic::install_hook();
    }
}

/// How tokio panics on a thread without its context.
const NO_TOKIO: &str = "there is no reactor running";

/// Whether OCaml has a reporter.
static HAS_REPORTER: AtomicBool = AtomicBool::new(false);

/// Whether there are reports.
static HAS_REPORTS: AtomicBool = AtomicBool::new(false);

fn reports() -> MutexGuard<'static, VecDeque<Panic>> {
    // Nothing that can panic runs under this lock.
    REPORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether OCaml takes the reports from now on. Any thread may call it.
pub(crate) fn are_reported(are: bool) {
    HAS_REPORTER.store(are, Ordering::Relaxed);
}

/// Whether there are panics that OCaml's reporter has not been told of.
pub(crate) fn has_reports() -> bool {
    HAS_REPORTS.load(Ordering::Relaxed)
}

/// The panics since the last call, for OCaml's reporter.
pub(crate) fn take_reports() -> VecDeque<Panic> {
    HAS_REPORTS.store(false, Ordering::Relaxed);
    std::mem::take(&mut *reports())
}

impl Panic {
    /// Sets the hook that Rust calls at a panic to ours, unless ours exists already. Our hook
    /// notes where the panic happened, and reports it. It never enters OCaml. It calls the
    /// hook that it replaces.
    ///
    /// Rust has no function that looks at the hook, or that changes it in one step. So if
    /// another thread panics meanwhile, Rust's own hook prints that panic; and if another
    /// thread sets a hook meanwhile, that hook may be lost.
    pub(crate) fn install_hook() {
        if std::thread::panicking() {
            return;
        }
        // Another thread is doing it. Nothing that can panic runs under this lock.
        let Ok(_changing) = CHANGING.try_lock() else {
            return;
        };
        if IS_SET.load(Ordering::Relaxed) {
            return;
        }
        let found = std::panic::take_hook();
        // Rust's own hook prints, and so does ours.
        let next = (!is_rusts_own(&found)).then_some(found);
        let ours = OurHook;
        IS_SET.store(true, Ordering::Relaxed);
        std::panic::set_hook(Box::new(move |info| {
            let OurHook = &ours;
            Self::on_panic(info);
            if let Some(next) = &next {
                next(info);
            }
        }));
    }

    fn on_panic(info: &PanicHookInfo<'_>) {
        let location = info.location().map(ToString::to_string);
        let panic = Panic(Box::new(PanicInner {
            message: message_of(info.payload()),
            location: location.unwrap_or_default(),
            trace: Trace::capture(),
        }));
        // Fails only while the thread ends, when nobody will ask.
        let _ = LAST_PANIC.try_with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                *last = Some((panic.0.location.clone(), panic.0.trace.clone()));
            }
        });
        if let Some(panic) = panic.send_to_reporter() {
            panic.print();
        }
    }

    /// Gives the panic back if there is no reporter, or nobody to call it soon.
    fn send_to_reporter(self) -> Option<Self> {
        if !HAS_REPORTER.load(Ordering::Relaxed) || fork::happened() {
            return Some(self);
        }
        let Some(lwt) = Handle::of_lwt() else {
            return Some(self);
        };
        let mut reports = reports();
        if reports.len() >= MOST_REPORTS {
            return Some(self);
        }
        reports.push_back(self);
        HAS_REPORTS.store(true, Ordering::Relaxed);
        drop(reports);
        lwt.wake();
        None
    }

    fn print(&self) {
        let thread = std::thread::current();
        let mut line = format!(
            "lwt_rust: thread '{}' panicked at {}: {}\n",
            thread.name().unwrap_or("of OCaml"),
            self.0.location,
            self.0.message.replace('\n', "\\n"),
        );
        if let Some(trace) = &self.0.trace {
            line.push_str(&trace.to_string());
        }
        // Whole, for the lines of several threads not to mix. It is the last
        // resort, so there is nothing to do if it fails.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    /// The panic that `payload` was caught from, on this thread, just now.
    pub(crate) fn from_payload(payload: Payload) -> Self {
        let last = LAST_PANIC.try_with(|last| last.borrow_mut().take());
        let last = last.ok().flatten();
        let message = message_of(&*payload);
        drop_quietly(payload);
        if last.is_none() && !IS_SET.load(Ordering::Relaxed) {
            // Somebody has replaced our hook while a thread was panicking.
            Self::install_hook();
        }
        let (location, trace) = last.unwrap_or_default();
        Panic(Box::new(PanicInner {
            message,
            location,
            trace,
        }))
    }

    /// As [`from_payload`](Panic::from_payload), of a panic that has left a stub: if that
    /// is a plain function which wants tokio before the runtime runs, the message says
    /// what to do.
    #[cold]
    pub(crate) fn from_stub(payload: Payload) -> Self {
        let mut panic = Self::from_payload(payload);
        if wants_tokio(panic.message()) {
            panic.0.message.push_str(
                ". No asynchronous function has started the runtime yet: write \
                 `#[lwt_rust::func(tokio)]` for a plain function that uses tokio",
            );
        }
        panic
    }

    /// The destructor of a value has panicked, in a finaliser. There is nobody to tell but
    /// the panic hook, which has been told. If the destructor wants tokio before the
    /// runtime runs, this prints what to do.
    #[cold]
    pub(crate) fn in_finaliser(payload: Payload) {
        if wants_tokio(&message_of(&*payload)) {
            // It is the last resort, so there is nothing to do if it fails.
            let _ = std::io::stderr().write_all(
                b"lwt_rust: the destructor of an abstract value wants tokio, and the runtime has \
                  not started: call Lwt_rust.Runtime.start () before\n",
            );
        }
        drop_quietly(payload);
    }

    /// What the panic was raised with, if that was a string.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// `file:line:column`, or nothing if it is not known.
    pub fn location(&self) -> &str {
        &self.0.location
    }

    /// `Lwt_rust.Panic`.
    pub(super) fn make(self, lock: &mut Lock) -> Option<Result<Val<'_>, Exception>> {
        let parts = self.parts(lock);
        call_back(lock, Callback::MakePanic, &[&parts])
    }

    /// `string * string * backtrace option`: message, location, backtrace.
    pub(crate) fn parts(&self, lock: &mut Lock) -> Root {
        let message = lock.text(&self.0.message);
        let location = lock.text(&self.0.location);
        let backtrace = Trace::option(lock, self.0.trace.clone());
        Root::new(lock.block(0, &[&message, &location, &backtrace]))
    }
}

/// Whether it is the hook that there is when nobody has set one. There is none now.
fn is_rusts_own(hook: &Hook) -> bool {
    let own = std::panic::take_hook();
    // Neither captures anything, so it is their functions that tell them apart.
    ptr::eq(&raw const **hook, &raw const *own)
}

/// Whether this is the message of a panic for want of tokio, which nothing has started.
fn wants_tokio(message: &str) -> bool {
    message.contains(NO_TOKIO) && runtime::started().is_none()
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(message) => message.clone(),
            None => "a panic whose payload is not a string".to_owned(),
        },
    }
}
