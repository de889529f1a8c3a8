//! Panics, and the reports of them.

use std::{
    any::Any,
    cell::RefCell,
    io::Write,
    panic::PanicHookInfo,
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use lwt_rust_core::{Payload, drop_quietly};

use super::Trace;
use crate::{
    callbacks::{Callback, call_back},
    lwt_loop,
    ocaml::{Lock, Raised, Root, Val},
    reports::Reports,
};

/// A caught panic.
#[derive(Clone, Debug)]
pub struct Panic(Box<PanicInner>);

#[derive(Clone, Debug)]
struct PanicInner {
    message: String,
    location: Option<String>,
    trace: Option<Trace>,
}

/// Two panics are equal if they have the same message and the same place.
impl PartialEq for Panic {
    fn eq(&self, other: &Self) -> bool {
        self.message() == other.message() && self.location() == other.location()
    }
}

impl Eq for Panic {}

thread_local! {
    /// This thread's last panics that the hook has seen, at most [`MOST_PANICS`]. The payload
    /// of a panic does not contain its place. While a panic unwinds, a destructor may panic
    /// too, and catch that.
    static LAST_PANICS: RefCell<Vec<Panic>> = const { RefCell::new(Vec::new()) };
}

/// How many panics of a thread are kept.
const MOST_PANICS: usize = 8;

/// The panics that OCaml's panic handler has not got.
pub(crate) static PANICS: Reports<Panic> = Reports::new();

/// The most reports that wait. Others are printed at once.
pub(crate) const MOST_REPORTS: usize = 64;

/// Whether our hook exists: either it is the hook of the process, or another hook keeps it
/// and calls it.
static IS_SET: AtomicBool = AtomicBool::new(false);

/// Held while the hook of the process is changed. Meanwhile Rust's own hook is set.
static CHANGING: Mutex<()> = Mutex::new(());

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// A part of our hook. If other code replaces our hook and does not keep it, Rust drops our
/// hook after the change. Then our hook is set again, and calls the other one.
struct OurHook;

impl Drop for OurHook {
    fn drop(&mut self) {
        IS_SET.store(false, Ordering::Relaxed);
        Panic::install_hook();
    }
}

/// Part of the message of tokio's panic on a thread without its context.
const NO_TOKIO: &str = "there is no reactor running";

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
        // If the lock is taken, another thread is setting the hook. Nothing that can panic
        // runs under this lock.
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
        let panic = Panic(Box::new(PanicInner {
            message: message_of(info.payload()),
            location: info.location().map(ToString::to_string),
            trace: Trace::capture(),
        }));
        // This fails only while the thread ends, when the place is not read any more.
        let _ = LAST_PANICS.try_with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                if last.len() == MOST_PANICS {
                    last.remove(0);
                }
                last.push(panic.clone());
            }
        });
        // Without a loop, nobody would call the handler soon.
        let sent = match lwt_loop::current() {
            Some(_) => PANICS.send(panic),
            None => Err(panic),
        };
        if let Err(panic) = sent {
            panic.print();
        }
    }

    fn print(&self) {
        let thread = std::thread::current();
        let place = self.location().map(|location| format!(" at {location}"));
        let mut line = format!(
            "lwt_rust: thread '{}' panicked{}: {}\n",
            thread.name().unwrap_or("of OCaml"),
            place.unwrap_or_default(),
            self.0.message.replace('\n', "\\n"),
        );
        if let Some(trace) = &self.0.trace {
            line.push_str(&trace.to_string());
        }
        // The text is written in one piece, so that the lines of several threads do not
        // mix. This is the last resort, so there is nothing to do if it fails.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    /// The panic of which `payload` was caught, on this thread, just now.
    pub(crate) fn from_payload(payload: Payload) -> Self {
        let message = message_of(&*payload);
        let last = LAST_PANICS.try_with(|last| {
            let mut last = last.borrow_mut();
            let found = last.iter().rposition(|panic| panic.message() == message)?;
            // Those after it have been caught.
            last.truncate(found + 1);
            last.pop()
        });
        let last = last.ok().flatten();
        drop_quietly(payload);
        if last.is_none() && !IS_SET.load(Ordering::Relaxed) {
            // Other code has replaced our hook while a thread was panicking.
            Self::install_hook();
        }
        // The hook has not seen a panic that was resumed (`resume_unwind`).
        last.unwrap_or_else(|| {
            Panic(Box::new(PanicInner {
                message,
                location: None,
                trace: None,
            }))
        })
    }

    /// Whether a panic with this payload says that tokio's context is missing.
    pub(crate) fn lacks_tokio(payload: &Payload) -> bool {
        message_of(&**payload).contains(NO_TOKIO)
    }

    /// Adds a sentence to the message.
    pub(crate) fn push_hint(&mut self, hint: &str) {
        self.0.message.push_str(hint);
    }

    /// The argument of the panic, if that was a string.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The place as `file:line:column`. `None` if it is not known.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// Makes the exception `Lwt_rust.Panic`.
    pub(super) fn make(self, lock: &mut Lock) -> Option<Result<Val<'_>, Raised>> {
        let parts = self.parts(lock);
        call_back(lock, Callback::MakePanic, &[&parts])
    }

    /// `string * string option * string option`: message, location, backtrace.
    pub(crate) fn parts(&self, lock: &mut Lock) -> Root {
        let message = lock.text(&self.0.message);
        let location = lock.text_option(self.location());
        let backtrace = Trace::option(lock, self.0.trace.clone());
        Root::new(lock.block(0, &[&message, &location, &backtrace]))
    }
}

/// Whether `hook` is Rust's own. No hook may be set now, so that `take_hook` returns Rust's
/// own.
fn is_rusts_own(hook: &Hook) -> bool {
    let own = std::panic::take_hook();
    // A hook that captures nothing has no memory of its own. So this also compares the
    // vtables, which contain the hooks' functions.
    ptr::eq(&raw const **hook, &raw const *own)
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
