//! Functions that may block, on tokio's threads for such functions.
//!
//! tokio wakes a thread for each function, and that takes longer than a short function
//! does. Here a thread that was woken runs one function after the other. At most one thread
//! is being woken at a time: when it begins, and finds more functions than the one that it
//! takes, it asks for the next thread. So each of many functions that block gets a thread,
//! and many short ones share a few.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lwt_rust_core::{Cell, catch_panic, drop_quietly};
use tokio::runtime::Handle;

use crate::{
    domain::{Output, Task},
    error::{Error, Panic},
    fork, runtime,
};

type Job = Box<dyn FnOnce() + Send>;

struct Jobs {
    waiting: VecDeque<Job>,
    /// How many functions run.
    running: usize,
    /// Whether a thread is on its way, which will look at the jobs that wait.
    is_thread_coming: bool,
}

static JOBS: Mutex<Jobs> = Mutex::new(Jobs {
    waiting: VecDeque::new(),
    running: 0,
    is_thread_coming: false,
});

fn jobs() -> MutexGuard<'static, Jobs> {
    // Nothing that can panic runs under this lock.
    JOBS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many functions run, and how many wait for a thread. Any thread may call it.
pub(crate) fn blocking_functions() -> (usize, usize) {
    let jobs = jobs();
    (jobs.running, jobs.waiting.len())
}

/// Calls `f`, which may block, on one of the runtime's threads for such functions. If the
/// returned [`Task`] is dropped before `f` has begun, `f` is not called. After that nothing
/// can stop `f`, and the value that it returns is dropped.
///
/// It can be called anywhere, also before the runtime has started.
pub fn spawn_blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Task<T> {
    let tokio = match fork::check()
        .map_err(Error::from)
        .and_then(|()| runtime::start())
    {
        Ok(tokio) => tokio,
        Err(error) => {
            drop_quietly(f);
            return Task::refused(error);
        }
    };
    let cell = Arc::new(Cell::new());
    let outcome = Outcome(cell.clone());
    let job = move || {
        let Outcome(cell) = &outcome;
        if !cell.is_settled() {
            let result = catch_panic(f).map_err(|payload| Panic::from_payload(payload).into());
            // The result comes back if it is not awaited any more: then it is dropped.
            let _ = cell.settle(Output::new(result));
        }
    };
    let mut jobs = jobs();
    jobs.waiting.push_back(Box::new(job));
    let is_first = !std::mem::replace(&mut jobs.is_thread_coming, true);
    drop(jobs);
    if is_first {
        if let Err(error) = Worker::send_for(&tokio) {
            return Task::refused(error);
        }
    }
    Task::blocking(cell)
}

/// The place for the result of a function. If the function is never called, the place gets
/// [`Error::Abandoned`].
struct Outcome<T>(Arc<Cell<Output<T>>>);

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        // The error comes back if there is a result, or if it is not awaited any more.
        let _ = self.0.settle(Output::new(Err(Error::Abandoned)));
    }
}

/// A thread that is on its way.
struct Worker(());

impl Worker {
    /// # Errors
    ///
    /// If there is no thread and the system gives none. Then the jobs that wait are
    /// dropped.
    fn send_for(tokio: &Handle) -> Result<(), Error> {
        let worker = Worker(());
        match catch_panic(|| tokio.spawn_blocking(move || worker.work())) {
            Ok(_) => Ok(()),
            // tokio panics if it gets no thread, and keeps the worker until there is one.
            Err(payload) => {
                drop_quietly(payload);
                drop(Worker(()));
                Err(std::io::Error::from_raw_os_error(libc::EAGAIN).into())
            }
        }
    }

    /// Runs the jobs that wait until none is left.
    fn work(self) {
        std::mem::forget(self);
        let mut has_come = true;
        loop {
            let mut jobs = jobs();
            match std::mem::take(&mut has_come) {
                true => jobs.is_thread_coming = false,
                false => jobs.running -= 1,
            }
            let Some(job) = jobs.waiting.pop_front() else {
                return;
            };
            jobs.running += 1;
            let are_more = !jobs.waiting.is_empty();
            let is_next_wanted = are_more && !std::mem::replace(&mut jobs.is_thread_coming, true);
            drop(jobs);
            if is_next_wanted {
                // It cannot fail, since there is a thread already: this one.
                let _ = Worker::send_for(&Handle::current());
            }
            // The values that the job captures, or a result that is not awaited, may panic
            // when they are dropped.
            if let Err(payload) = catch_panic(job) {
                drop_quietly(payload);
            }
            runtime::tell_of_signals();
        }
    }
}

/// A worker is dropped if its thread will not come, since the runtime is shut down. So this
/// drops the jobs that wait.
impl Drop for Worker {
    fn drop(&mut self) {
        let mut jobs = jobs();
        jobs.is_thread_coming = false;
        let waiting = std::mem::take(&mut jobs.waiting);
        drop(jobs);
        waiting.into_iter().for_each(drop_quietly);
    }
}
