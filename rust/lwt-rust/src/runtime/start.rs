//! The start of the runtime, and its failures.
//!
//! For example, the system gives tokio a first thread and no second one. Then tokio panics,
//! and waits for ever for the first thread to end. So this module tries before whether
//! there are enough threads and descriptors. Another process may take them meanwhile, so
//! another thread calls tokio, and this one waits for it only for a limited time.

use std::{
    env, fs, io,
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use lwt_rust_core::catch_panic;
use tokio::runtime::{Builder, Runtime};

use super::{Flavor, Settings, block_on, number_of_workers, signals, signals::Mask};
use crate::error::{Error, Panic};

/// The most time that tokio has to start its threads.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a thread for blocking functions lives when there are none to run. tokio calls
/// no hook of ours when it rests, so it tells the Lwt loop when it ends of the signals that
/// it took (`signals.rs`). A shorter time makes each wake-up of such a thread slower
/// (`bench/NOTES.md`).
const KEPT_ALIVE: Duration = Duration::from_millis(500);

/// # Errors
///
/// If the system does not have the threads or descriptors.
pub(super) fn start(settings: &Settings) -> Result<Runtime, Error> {
    let workers = match settings.flavor {
        Flavor::CurrentThread => None,
        Flavor::MultiThread(Some(workers)) => Some(workers),
        Flavor::MultiThread(None) => Some(default_workers()?),
    };
    try_descriptors()?;
    // The thread more drives a runtime without workers, or calls tokio for one with
    // workers.
    try_threads(workers.unwrap_or(0) + 1)?;
    let mut builder = builder(settings, workers);
    let (says, said) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        block_on::learn();
        says.send(catch_panic(|| builder.build()))
    })?;
    match said.recv_timeout(PATIENCE) {
        Ok(Ok(built)) => Ok(built?),
        Ok(Err(payload)) => Err(Error::message(format!(
            "the tokio runtime does not start: {}",
            Panic::from_payload(payload).message()
        ))),
        Err(_) => Err(io::Error::from_raw_os_error(libc::EAGAIN).into()),
    }
}

/// The number that tokio would choose: by its environment variable, or one for each
/// processor.
fn default_workers() -> Result<usize, Error> {
    const VARIABLE: &str = "TOKIO_WORKER_THREADS";
    match env::var(VARIABLE) {
        Ok(value) => {
            let number: i64 = value.parse().map_err(|_| {
                Error::message(format!("{VARIABLE} is {value:?}, which is no number"))
            })?;
            number_of_workers(number)
        }
        Err(_) => Ok(thread::available_parallelism().map_or(1, usize::from)),
    }
}

fn builder(settings: &Settings, workers: Option<usize>) -> Builder {
    let mut builder = match workers {
        None => Builder::new_current_thread(),
        Some(workers) => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    let mask = Mask::here();
    let take_signals = move || {
        mask.set();
    };
    builder
        .enable_all()
        .thread_name(&settings.thread_name)
        .thread_keep_alive(KEPT_ALIVE)
        // A thread inherits the mask of the thread that starts it, which may block all
        // signals.
        .on_thread_start(take_signals)
        .on_thread_unpark(take_signals)
        .on_thread_park(signals::rest)
        .on_thread_stop(signals::rest);
    builder
}

/// Tries whether the system gives this many more threads.
fn try_threads(number: usize) -> io::Result<()> {
    let before = threads();
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
    let start = |_| {
        let gate = gate.clone();
        thread::Builder::new().spawn(move || drop(gate.lock()))
    };
    let started: io::Result<Vec<_>> = (0..number).map(start).collect();
    drop(closed);
    for thread in started? {
        // The thread does not panic.
        let _ = thread.join();
    }
    // The system counts a thread for a moment after it was joined.
    (0..1000)
        .take_while(|_| threads() > before)
        .for_each(|_| thread::yield_now());
    Ok(())
}

/// The number of threads of the process; 0 if the system does not say.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Tries whether there are descriptors for tokio's I/O and signals.
fn try_descriptors() -> io::Result<()> {
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}
