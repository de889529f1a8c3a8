//! The process around Rust: stacks, signals, children, threads.

use std::{
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use lwt_rust::{
    Abstract, AbstractType, Closure, DomainExecutor, Error, FromOcaml, LwtFn, OcamlType, Promise,
    func, spawn_blocking, with_lock,
};

/// Panics when it is dropped.
#[derive(AbstractType)]
pub(crate) struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("panic in a finaliser");
    }
}

/// Something that panics when it is dropped.
#[func]
pub(crate) fn fragile() -> Abstract<Fragile> {
    Abstract::new(Fragile)
}

/// Starts a process that does nothing for a minute, and returns its number. Starts it on
/// the calling thread (0), on a worker of tokio's (1), on a thread for functions that block
/// (2), or on one of tokio's own threads for them.
#[func]
pub(crate) async fn start_process(place: u8) -> Result<u32, Error> {
    let start = || {
        Command::new("sleep")
            .arg("60")
            .spawn()
            .map(|child| child.id())
    };
    Ok(match place {
        0 => start()?,
        1 => tokio::spawn(async move { start() }).await??,
        2 => spawn_blocking(start).await??,
        _ => tokio::task::spawn_blocking(start).await??,
    })
}

/// Does the same as `start_process`, on the calling thread.
#[func]
pub(crate) fn start_process_now() -> Result<u32, Error> {
    Ok(Command::new("sleep").arg("60").spawn()?.id())
}

/// Limits a resource of the process: threads of its user (0), descriptors (1), or bytes of
/// address space (2). Returns the limit before; -1 is none.
#[func]
pub(crate) fn limit(what: u8, most: i64) -> Result<i64, Error> {
    let what = match what {
        0 => libc::RLIMIT_NPROC,
        1 => libc::RLIMIT_NOFILE,
        _ => libc::RLIMIT_AS,
    };
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is valid for writing.
    unsafe { libc::getrlimit(what, &mut limit) };
    let before = limit.rlim_cur as i64;
    limit.rlim_cur = most as u64;
    // SAFETY: `limit` is valid for reading.
    match unsafe { libc::setrlimit(what, &limit) } {
        0 => Ok(before),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

/// Calls a function that may block.
#[func(blocking)]
pub(crate) fn block() {}

/// Calls a closure later, and forgets its result.
#[func]
pub(crate) fn call_in_background(f: LwtFn<String, ()>, argument: String) -> Result<(), Error> {
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    executor
        .spawn_local(async move { f.call(argument).await })
        .detach();
    Ok(())
}

/// Spawns a task of tokio's if that can be done here. Returns whether it did.
#[func]
pub(crate) fn has_tokio() -> bool {
    tokio::runtime::Handle::try_current().is_ok_and(|tokio| {
        tokio.spawn(async {});
        true
    })
}

/// Returns the number of the closures, and the length of the text.
#[func]
pub(crate) fn lengths(closures: Vec<LwtFn<(), ()>>, text: String) -> (usize, usize) {
    (closures.len(), text.len())
}

static CLOSED: AtomicUsize = AtomicUsize::new(0);

/// Stands for the connection of a pool: a task of tokio's has to close it.
#[derive(AbstractType)]
pub(crate) struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        tokio::spawn(async { CLOSED.fetch_add(1, Ordering::Relaxed) });
    }
}

/// A connection.
#[func]
pub(crate) fn connection() -> Abstract<Connection> {
    Abstract::new(Connection)
}

/// How many connections were closed.
#[func]
pub(crate) fn closed() -> usize {
    CLOSED.load(Ordering::Relaxed)
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handle(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Sets a handler for a signal, in the way of crates that know nothing of OCaml.
#[func]
pub(crate) fn set_handler(signal: i32, by_signal: bool) -> Result<(), Error> {
    let handle = handle as extern "C" fn(libc::c_int) as usize;
    if by_signal {
        // SAFETY: as below.
        return match unsafe { libc::signal(signal, handle) } {
            libc::SIG_ERR => Err(std::io::Error::last_os_error().into()),
            _ => Ok(()),
        };
    }
    // SAFETY: an action may consist of zeros.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handle;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler does only such things as a handler may do: it writes an atomic.
    match unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

/// Waits for the next signal of a kind, by `tokio::signal`.
#[func]
pub(crate) async fn next_signal(signal: i32) -> Result<(), Error> {
    let mut signals = tokio::signal::unix::signal(signal.into())?;
    signals.recv().await;
    Ok(())
}

/// How many signals were handled.
#[func]
pub(crate) fn handled() -> usize {
    HANDLED.load(Ordering::Relaxed)
}

static HOOK_CALLS: AtomicUsize = AtomicUsize::new(0);

/// Sets a panic hook that counts its calls, in place of the present one.
#[func]
pub(crate) fn replace_panic_hook() {
    std::panic::set_hook(Box::new(|_| {
        HOOK_CALLS.fetch_add(1, Ordering::Relaxed);
    }));
}

/// Does the same as `replace_panic_hook`, but the new hook keeps the old one. It calls the
/// old one if it is told to.
#[func]
pub(crate) fn extend_panic_hook(calls: bool) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        HOOK_CALLS.fetch_add(1, Ordering::Relaxed);
        if calls {
            before(info);
        }
    }));
}

/// How many times these hooks were called.
#[func]
pub(crate) fn panic_hook_calls() -> usize {
    HOOK_CALLS.load(Ordering::Relaxed)
}

/// Spawns a task of tokio's, without the option: it fails before the runtime runs.
#[func]
pub(crate) fn spawn_without() {
    tokio::spawn(async {});
}

static SPAWNED: AtomicUsize = AtomicUsize::new(0);

/// Spawns a task of tokio's, which is counted.
#[func(tokio)]
pub(crate) fn spawn_now() {
    tokio::spawn(async { SPAWNED.fetch_add(1, Ordering::Relaxed) });
}

/// Does the same as `spawn_now` twice, and calls a closure in between.
#[func(tokio)]
pub(crate) fn spawn_around(f: Closure<(), ()>) -> Result<(), Error> {
    spawn_now();
    with_lock(|lock| f.call(lock, ()))?;
    spawn_now();
    Ok(())
}

/// How many of these tasks have run.
#[func]
pub(crate) fn spawned() -> usize {
    SPAWNED.load(Ordering::Relaxed)
}

static POOLED_DROPPED: AtomicUsize = AtomicUsize::new(0);

/// A connection, and another value that has a destructor.
#[derive(AbstractType)]
pub(crate) struct Pooled {
    _connection: Connection,
    _pool: CountsDrops,
}

struct CountsDrops;

impl Drop for CountsDrops {
    fn drop(&mut self) {
        POOLED_DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection of a pool.
#[func]
pub(crate) fn pooled() -> Abstract<Pooled> {
    Abstract::new(Pooled {
        _connection: Connection,
        _pool: CountsDrops,
    })
}

/// Counts the pooled connections whose other value was dropped.
#[func]
pub(crate) fn pooled_dropped() -> usize {
    POOLED_DROPPED.load(Ordering::Relaxed)
}

/// A record that contains closures, and records with closures.
#[derive(OcamlType, FromOcaml)]
pub(crate) struct Settings {
    text: String,
    on_error: LwtFn<String, ()>,
    choices: std::collections::HashMap<String, Choice>,
    others: Vec<Settings>,
}

/// A variant that contains a promise.
#[derive(OcamlType, FromOcaml)]
pub(crate) enum Choice {
    Nothing,
    Later(Promise<String>),
    Several {
        choices: Vec<Choice>,
        settings: Option<Box<[Settings]>>,
    },
}

impl Settings {
    fn length(self) -> usize {
        drop(self.on_error);
        let choices: usize = self.choices.into_values().map(Choice::length).sum();
        let others: usize = self.others.into_iter().map(Settings::length).sum();
        self.text.len() + choices + others
    }
}

impl Choice {
    fn length(self) -> usize {
        match self {
            Choice::Nothing => 0,
            Choice::Later(promise) => {
                promise.detach();
                1
            }
            Choice::Several { choices, settings } => {
                let settings = settings.into_iter().flatten().map(Settings::length);
                choices
                    .into_iter()
                    .map(Choice::length)
                    .chain(settings)
                    .sum()
            }
        }
    }
}

/// Returns the length of all texts in the settings, plus the number of the promises.
#[func]
pub(crate) fn settings_length(settings: Settings) -> usize {
    settings.length()
}

/// Does the same as `settings_length`, for a choice.
#[func]
pub(crate) fn choice_length(choice: Choice) -> usize {
    choice.length()
}
