//! Functions that may block, on the threads that tokio has for them.
//!
//! tokio wakes a thread for each function, which takes longer than a short function
//! does. Here a thread that was woken takes one function after the other, and one
//! thread at a time is on its way: when it begins, and finds more than it takes
//! itself, it has the next one woken. So each of many functions that block gets a
//! thread, and many short ones share a few.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lwt_rust_core::{catch_panic, drop_quietly};
use tokio::runtime::Handle;

use super::{Scoped, signals};
use crate::{
    error::{Error, Panic},
    fork,
    promise::Promise,
};

type Job = Box<dyn FnOnce() + Send>;

struct Jobs {
    waiting: VecDeque<Job>,
    /// Whether a thread is on its way, which will look at those that wait.
    is_thread_coming: bool,
}

static JOBS: Mutex<Jobs> = Mutex::new(Jobs {
    waiting: VecDeque::new(),
    is_thread_coming: false,
});

fn jobs() -> MutexGuard<'static, Jobs> {
    // Nothing that can panic runs under this lock.
    JOBS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `f`, which may block, on a thread that the runtime has for that. When what
/// this gives is dropped before `f` has begun, it is not called; later, nothing
/// can stop it, and what it gives is dropped.
///
/// It can be called anywhere, before the runtime has started too.
pub fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Scoped<T> {
    let tokio = match fork::check().and_then(|()| super::start()) {
        Ok(tokio) => tokio,
        Err(error) => return Scoped::refused(error),
    };
    let (resolver, promise) = Promise::new();
    let job = move || {
        if resolver.is_abandoned() {
            return;
        }
        // Given back if nobody waits any more, and dropped.
        match catch_panic(f) {
            Ok(value) => drop(resolver.resolve(value)),
            Err(payload) => drop(resolver.reject(Panic::from_payload(payload))),
        }
    };
    let mut jobs = jobs();
    jobs.waiting.push_back(Box::new(job));
    let is_first = !std::mem::replace(&mut jobs.is_thread_coming, true);
    drop(jobs);
    if is_first {
        if let Err(error) = Worker::send_for(&tokio) {
            return Scoped::refused(error);
        }
    }
    Scoped::blocking(promise)
}

/// A thread that is on its way.
struct Worker(());

impl Worker {
    /// # Errors
    ///
    /// If there is no thread and the system gives none. Then nothing waits any more.
    fn send_for(tokio: &Handle) -> Result<(), Error> {
        let worker = Worker(());
        match catch_panic(|| tokio.spawn_blocking(move || worker.work())) {
            Ok(_) => Ok(()),
            // tokio panics then, and keeps the worker for when there is a thread.
            Err(payload) => {
                drop_quietly(payload);
                drop(Worker(()));
                Err(std::io::Error::from_raw_os_error(libc::EAGAIN).into())
            }
        }
    }

    /// Runs what waits until nothing does.
    fn work(self) {
        std::mem::forget(self);
        let mut has_come = true;
        loop {
            let mut jobs = jobs();
            if std::mem::take(&mut has_come) {
                jobs.is_thread_coming = false;
            }
            let Some(job) = jobs.waiting.pop_front() else {
                return;
            };
            let are_more = !jobs.waiting.is_empty();
            let is_next_wanted = are_more && !std::mem::replace(&mut jobs.is_thread_coming, true);
            drop(jobs);
            if is_next_wanted {
                // It cannot fail: there is a thread, this one.
                let _ = Worker::send_for(&Handle::current());
            }
            // What it captures, or gives to nobody, may panic when it is dropped.
            if let Err(payload) = catch_panic(job) {
                drop_quietly(payload);
            }
            signals::tell_of_signals();
        }
    }
}

/// It will not come: the runtime is shut down. So nothing that waits will be run.
impl Drop for Worker {
    fn drop(&mut self) {
        let mut jobs = jobs();
        jobs.is_thread_coming = false;
        let waiting = std::mem::take(&mut jobs.waiting);
        drop(jobs);
        waiting.into_iter().for_each(drop_quietly);
    }
}
