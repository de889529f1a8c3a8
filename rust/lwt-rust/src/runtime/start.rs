//! How the runtime starts, or does not.
//!
//! When the system gives tokio one thread and no second one, tokio panics and then
//! waits for ever for the first to end. So threads and descriptors are tried before,
//! and tokio is asked by another thread, for which nobody waits too long: another
//! process may take them meanwhile.

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

/// What tokio has at most to start its threads.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a thread for functions that block lives when there are none. It is not told
/// when it rests, so it tells of the signals that it took when it ends (`signals.rs`).
const KEPT_ALIVE: Duration = Duration::from_millis(50);

/// # Errors
///
/// If the system has not the threads or descriptors.
pub(super) fn start(settings: &Settings) -> Result<Runtime, Error> {
    let workers = match settings.flavor {
        Flavor::CurrentThread => None,
        Flavor::MultiThread(Some(workers)) => Some(workers),
        Flavor::MultiThread(None) => Some(default_workers()?),
    };
    try_descriptors()?;
    // One of them drives a runtime without workers, or asks tokio for one with.
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

/// As tokio has it: by its environment variable, or one a processor.
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
        // Whoever starts a thread gives it a mask, which may be that of a rest.
        .on_thread_start(take_signals)
        .on_thread_unpark(take_signals)
        .on_thread_park(signals::rest)
        .on_thread_stop(signals::rest);
    builder
}

/// Tries whether there can be so many threads more.
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
        // It does not panic.
        let _ = thread.join();
    }
    // A thread that was joined is counted by the system for a moment yet.
    (0..1000)
        .take_while(|_| threads() > before)
        .for_each(|_| thread::yield_now());
    Ok(())
}

/// How many threads there are, where the system says.
fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Tries whether there are descriptors for tokio's I/O and signals.
fn try_descriptors() -> io::Result<()> {
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}
