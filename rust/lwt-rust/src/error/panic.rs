//! Panics, and who is told of them.

use std::{
    any::Any,
    backtrace::Backtrace,
    cell::RefCell,
    collections::VecDeque,
    io::Write,
    panic::PanicHookInfo,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use lwt_rust_core::{Payload, drop_quietly};

use super::{Exception, failure::show_backtrace, option};
use crate::{
    callbacks::{Callback, call_back},
    executor::Handle,
    ffi::{Lock, Root, Val},
    fork, runtime,
};

/// A caught panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic(Box<PanicInner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct PanicInner {
    message: String,
    location: String,
    backtrace: Option<String>,
}

thread_local! {
    /// Where the last panic of this thread happened: its payload does not say.
    static LAST_PANIC: RefCell<Option<(String, Option<String>)>> = const { RefCell::new(None) };
}

/// The panics that OCaml's reporter has not been told of.
static REPORTS: Mutex<VecDeque<Panic>> = Mutex::new(VecDeque::new());

/// The most of them that are kept; others are printed at once.
const MOST_REPORTS: usize = 64;

/// How many times our hook was set.
static HOOKS: AtomicUsize = AtomicUsize::new(0);

/// The most of them: each calls the one before.
const MOST_HOOKS: usize = 16;

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
    /// Makes the hook that Rust calls at a panic note where it happened and
    /// report it. It never enters OCaml.
    ///
    /// When it is called again, a crate may have set a hook of its own: that is called
    /// after ours from then on, and an earlier one of ours does nothing any more.
    pub(crate) fn install_hook() {
        if std::thread::panicking() {
            return;
        }
        let number = HOOKS.fetch_add(1, Ordering::Relaxed) + 1;
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if number == HOOKS.load(Ordering::Relaxed) {
                Self::on_panic(info);
            }
            // Before the first one was Rust's own, which prints.
            if number > 1 {
                next(info);
            }
        }));
    }

    /// A panic has not come by our hook: another one may be in its place.
    #[cold]
    fn install_hook_again() {
        // Those that somebody resumes come by no hook at all.
        if HOOKS.load(Ordering::Relaxed) < MOST_HOOKS {
            Self::install_hook();
        }
    }

    fn on_panic(info: &PanicHookInfo<'_>) {
        let location = info.location().map(ToString::to_string);
        let panic = Panic(Box::new(PanicInner {
            message: message_of(info.payload()),
            location: location.unwrap_or_default(),
            backtrace: show_backtrace(&Backtrace::capture()),
        }));
        // Fails only while the thread ends, when nobody will ask.
        let _ = LAST_PANIC.try_with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                *last = Some((panic.0.location.clone(), panic.0.backtrace.clone()));
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
        if let Some(backtrace) = &self.0.backtrace {
            line.push_str(backtrace);
        }
        // Whole, for the lines of several threads not to mix. It is the last
        // resort, so there is nothing to do if it fails.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    /// The panic that `payload` was caught from, on this thread, just now.
    pub(crate) fn from_payload(payload: Payload) -> Self {
        let last = LAST_PANIC.try_with(|last| last.borrow_mut().take());
        let last = last.ok().flatten();
        if last.is_none() {
            Self::install_hook_again();
        }
        let (location, backtrace) = last.unwrap_or_default();
        let message = message_of(&*payload);
        drop_quietly(payload);
        Panic(Box::new(PanicInner {
            message,
            location,
            backtrace,
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

    /// `string * string * string option`: message, location, backtrace.
    pub(crate) fn parts(&self, lock: &mut Lock) -> Root {
        let message = lock.text(&self.0.message);
        let location = lock.text(&self.0.location);
        let backtrace = option(lock, self.0.backtrace.as_deref());
        Root::new(lock.block(0, &[&message, &location, &backtrace]))
    }
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
