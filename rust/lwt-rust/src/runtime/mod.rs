//! The tokio runtime, in whose context tasks run (rule 7).

mod block_on;
mod enter;
mod signals;
mod start;

use std::{
    future::poll_fn,
    io::Write,
    sync::{Arc, Mutex, MutexGuard, mpsc},
    time::Duration,
};

use lwt_rust_core::{Cell, Payload, catch_panic, drop_quietly};
use once_cell::sync::OnceCell;
use tokio::runtime::{Handle, Runtime};

use crate::error::{Error, Panic, Trace};
pub(crate) use block_on::{Suspicion, begin_poll, know_kind_of_task, waits_for_itself};
pub(crate) use enter::enter_tokio;
pub(crate) use signals::tell_of_signals;

/// How many threads poll tokio's own tasks and I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// A pool of this many worker threads. `None` is for one thread for each processor.
    MultiThread(Option<usize>),
    /// One thread, for programs that want few.
    CurrentThread,
}

/// How the runtime is made when it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The threads that it has.
    pub flavor: Flavor,
    /// The name of its threads.
    pub thread_name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            flavor: Flavor::MultiThread(None),
            thread_name: "lwt_rust".to_owned(),
        }
    }
}

/// The most worker threads that a program may ask for.
const MAX_WORKERS: usize = 1024;

static SETTINGS: Mutex<Option<Settings>> = Mutex::new(None);
static STARTED: OnceCell<Started> = OnceCell::new();

struct Started {
    handle: Handle,
    /// `None` if the runtime was stopped, or was adopted.
    running: Mutex<Option<Running>>,
}

/// A runtime of ours.
enum Running {
    Pool(Runtime),
    /// A thread drives the runtime. It ends when `stop` tells it how long to wait for other
    /// threads. When it has ended, `stopped` is disconnected.
    Thread {
        stop: Arc<Cell<Duration>>,
        stopped: mpsc::Receiver<()>,
    },
}

fn settings() -> MutexGuard<'static, Option<Settings>> {
    // Nothing that can panic runs under this lock.
    SETTINGS
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn started_already() -> Error {
    Error::message(
        "the tokio runtime has started: configure it before the first asynchronous Rust \
         function is called",
    )
}

/// Checks a number of worker threads.
///
/// # Errors
///
/// If it is out of range.
pub(crate) fn number_of_workers<N>(number: N) -> Result<usize, Error>
where
    N: Copy + std::fmt::Display + TryInto<usize>,
{
    match number.try_into() {
        Ok(workers) if (1..=MAX_WORKERS).contains(&workers) => Ok(workers),
        Ok(_) | Err(_) => Err(Error::message(format!(
            "{number} worker threads: there must be between 1 and {MAX_WORKERS}"
        ))),
    }
}

/// Sets how the runtime is made. Call it before the runtime starts, which happens at the
/// first call of an asynchronous function. Any thread may call this.
///
/// # Errors
///
/// If the runtime has started, or a setting is out of range.
pub fn configure(new: Settings) -> Result<(), Error> {
    if let Flavor::MultiThread(Some(workers)) = new.flavor {
        number_of_workers(workers)?;
    }
    if new.thread_name.contains('\0') {
        return Err(Error::message(
            "the name of a thread cannot contain a NUL byte",
        ));
    }
    let mut settings = settings();
    if STARTED.get().is_some() {
        return Err(started_already());
    }
    *settings = Some(new);
    Ok(())
}

/// Makes tasks use a runtime of your own. Its threads must not end before the process does.
/// Call it before the first call of an asynchronous function. Any thread may call this.
///
/// # Errors
///
/// If a runtime has started.
pub fn adopt(handle: Handle) -> Result<(), Error> {
    // This thread may be in a runtime, so another one learns. If the system does not give
    // that thread, blocked threads get no error.
    if let Ok(thread) = std::thread::Builder::new().spawn(block_on::learn) {
        let _ = thread.join();
    }
    let _settings = settings();
    let adopted = Started {
        handle,
        running: Mutex::new(None),
    };
    STARTED.set(adopted).map_err(|_| started_already())
}

/// The runtime. Starts it if it has not started.
///
/// # Errors
///
/// If the system cannot give it the threads or descriptors it needs.
pub(crate) fn start() -> Result<Handle, Error> {
    let settings = settings();
    let started = STARTED.get_or_try_init(|| start_as(settings.clone().unwrap_or_default()))?;
    Ok(started.handle.clone())
}

/// The runtime, if it has started.
#[inline]
pub(crate) fn started() -> Option<&'static Handle> {
    STARTED.get().map(|started| &started.handle)
}

/// How many workers, tasks, and tasks in the queue that all workers share, tokio has. Any
/// thread may call it.
pub(crate) fn tokio_counts() -> [usize; 3] {
    started().map_or([0; 3], |tokio| {
        let metrics = tokio.metrics();
        [
            metrics.num_workers(),
            metrics.num_alive_tasks(),
            metrics.global_queue_depth(),
        ]
    })
}

/// Calls `f` in tokio's context, if the runtime has started. Any thread may call it. A
/// thread that is ending, and has no thread-locals any more, calls `f` without the context.
pub(crate) fn in_context<R>(f: impl FnOnce() -> R) -> R {
    let _entered = match Handle::try_current() {
        Err(error) if error.is_missing_context() => started().map(Handle::enter),
        Ok(_) | Err(_) => None,
    };
    f()
}

/// Handles a panic of a destructor in a finaliser. Only the panic hook can be told, and it
/// has been. If the destructor uses tokio before the runtime runs, this prints how to mend
/// that.
#[cold]
pub(crate) fn panicked_in_finaliser(payload: Payload) {
    if started().is_none() && Panic::lacks_tokio(&payload) {
        // This is the last resort, so there is nothing to do if it fails.
        let _ = std::io::stderr().write_all(
            b"lwt_rust: the destructor of an abstract value wants tokio, and the runtime has \
              not started: call Lwt_rust.Runtime.start () before\n",
        );
    }
    drop_quietly(payload);
}

fn start_as(settings: Settings) -> Result<Started, Error> {
    let runtime = start::start(&settings)?;
    // By now the program has set the panic hooks of other crates.
    Panic::install_hook();
    let handle = runtime.handle().clone();
    prepare_backtraces(&handle);
    let running = match settings.flavor {
        Flavor::MultiThread(_) => Running::Pool(runtime),
        Flavor::CurrentThread => drive(runtime, settings.thread_name)?,
    };
    Ok(Started {
        handle,
        running: Mutex::new(Some(running)),
    })
}

/// Has a thread of the pool read the debug information, if backtraces are wanted.
fn prepare_backtraces(tokio: &Handle) {
    if let Some(trace) = Trace::capture() {
        // tokio panics if the system gives it no thread. Then the first error takes longer.
        let prepare = || tokio.spawn_blocking(move || drop(trace.to_string()));
        if let Err(payload) = catch_panic(prepare) {
            drop_quietly(payload);
        }
    }
}

/// Starts a thread that drives a runtime without workers. A domain cannot do that.
fn drive(runtime: Runtime, thread_name: String) -> Result<Running, Error> {
    let stop = Arc::new(Cell::new());
    let (says, stopped) = mpsc::channel();
    let told = stop.clone();
    std::thread::Builder::new()
        .name(thread_name)
        .spawn(move || {
            let patience = runtime.block_on(poll_fn(|context| told.poll_take(context)));
            runtime.shutdown_timeout(patience);
            drop(says);
        })?;
    Ok(Running::Thread { stop, stopped })
}

/// Stops the runtime, if it has started and is ours. A new thread waits until the runtime's
/// threads have ended, but not longer than `patience`, since a blocking function cannot be
/// interrupted. Then that thread calls `then`.
///
/// # Errors
///
/// If the system does not give that thread.
pub(crate) fn stop(patience: Duration, then: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    std::thread::Builder::new().spawn(move || {
        let running = STARTED.get().and_then(|started| {
            let running = started.running.lock();
            running
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .take()
        });
        if let Some(running) = running {
            running.end(patience);
        }
        then();
    })?;
    Ok(())
}

impl Running {
    fn end(self, patience: Duration) {
        match self {
            Running::Pool(runtime) => runtime.shutdown_timeout(patience),
            Running::Thread { stop, stopped } => {
                // The cell is settled once, since there is no other `Running`.
                let _ = stop.settle(patience);
                // The thread drops its end of the channel when it has ended, so an error is
                // the good case here.
                let _ = stopped.recv_timeout(patience);
            }
        }
    }
}
