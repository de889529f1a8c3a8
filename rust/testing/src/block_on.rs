//! Threads that wait in `block_on`.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use lwt_rust::{DomainExecutor, Error, LwtFn, PortablePromise, Promise, func, with_lock};
use tokio::{
    runtime::{Builder, Handle},
    task::LocalSet,
};

/// The `block_on` of crates that know nothing of tokio.
fn park_on<T>(future: impl Future<Output = T>) -> T {
    struct Unparks(Thread);

    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = pin!(future);
    let waker = Arc::new(Unparks(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// Waits in `block_on`: of the runtime that runs already (0), of a new one with one thread
/// (1), of a new one with a pool (2), or of another crate (3).
fn block_on<T>(kind: u8, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match kind {
        0 => Handle::current().block_on(future),
        1 => Builder::new_current_thread().build()?.block_on(future),
        3 => park_on(future),
        _ => Builder::new_multi_thread()
            .worker_threads(1)
            .build()?
            .block_on(future),
    }
}

/// Waits for a closure, on the thread that has to call it.
#[func]
pub(crate) fn block_on_now(f: LwtFn<i64, i64>, argument: i64, kind: u8) -> Result<i64, Error> {
    block_on(kind, f.call(argument))
}

/// Does the same as `block_on_now`, in a task and after a turn.
#[func]
pub(crate) async fn block_on_later(
    f: LwtFn<i64, i64>,
    argument: i64,
    kind: u8,
) -> Result<i64, Error> {
    tokio::task::yield_now().await;
    block_on(kind, async { f.call(argument).await })
}

/// Waits for a promise that another domain may settle.
#[func(tokio)]
pub(crate) fn block_on_portable(promise: PortablePromise<i64>, kind: u8) -> Result<i64, Error> {
    block_on(kind, promise)
}

/// Waits for several promises at a time, which have wakers of their own.
#[func]
pub(crate) fn block_on_several(f: LwtFn<i64, i64>, argument: i64, kind: u8) -> Result<i64, Error> {
    let mut several = Several(vec![f.call(argument), f.call(argument)]);
    block_on(kind, async move { several.next().await })
}

/// Awaits several promises at a time, in a task, for as long as they take.
#[func]
pub(crate) async fn await_several(f: LwtFn<i64, i64>, argument: i64) -> Result<i64, Error> {
    let mut several = Several(vec![f.call(argument), f.call(argument)]);
    Ok(several.next().await? + several.next().await?)
}

/// Promises that get a new waker for each poll.
struct Several(Vec<Promise<i64>>);

impl Several {
    async fn next(&mut self) -> Result<i64, Error> {
        struct Passes(Waker);

        impl Wake for Passes {
            fn wake(self: Arc<Self>) {
                self.0.wake_by_ref();
            }
        }

        poll_fn(|context| {
            for index in 0..self.0.len() {
                let waker = Arc::new(Passes(context.waker().clone())).into();
                let promise = Pin::new(&mut self.0[index]);
                if let Poll::Ready(result) = promise.poll(&mut Context::from_waker(&waker)) {
                    drop(self.0.remove(index));
                    return Poll::Ready(result);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Waits for a task of the domain, on the thread that has to run it.
#[func]
pub(crate) fn block_on_task(f: LwtFn<i64, i64>, argument: i64, kind: u8) -> Result<i64, Error> {
    let executor = DomainExecutor::current().ok_or_else(|| Error::message("no executor"))?;
    let task = executor.spawn_local(async move { f.call(argument).await });
    block_on(kind, async { task.await? })
}

/// Does the same as `block_on_now`, with the lock in hand.
#[func]
pub(crate) fn block_on_locked(f: LwtFn<i64, i64>, argument: i64, kind: u8) -> Result<i64, Error> {
    with_lock(|_| block_on(kind, f.call(argument)))
}

static KEPT: Mutex<Option<LwtFn<i64, i64>>> = Mutex::new(None);

fn kept() -> MutexGuard<'static, Option<LwtFn<i64, i64>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a closure for `block_on_kept`.
#[func]
pub(crate) fn keep_closure(f: LwtFn<i64, i64>) -> Result<(), Error> {
    *kept() = Some(f);
    Ok(())
}

/// Waits for the closure that `keep_closure` got, on a thread of its domain.
#[func(tokio)]
pub(crate) fn block_on_kept(argument: i64, kind: u8) -> Result<i64, Error> {
    let f = kept().take().ok_or_else(|| Error::message("no closure"))?;
    block_on(kind, f.call(argument))
}

/// Waits for a closure on a worker of tokio's.
#[func]
pub(crate) async fn block_on_elsewhere(
    f: LwtFn<i64, i64>,
    argument: i64,
    kind: u8,
) -> Result<i64, Error> {
    let wait = move || {
        let handle = Handle::current();
        let thread = std::thread::spawn(move || {
            let _entered = handle.enter();
            block_on(kind, f.call(argument))
        });
        thread.join().map_err(|_| Error::message("a panic"))?
    };
    tokio::spawn(async move { tokio::task::block_in_place(wait) }).await?
}

/// Waits for a closure on a thread for functions that block.
#[func(blocking)]
pub(crate) fn block_on_pool(f: LwtFn<i64, i64>, argument: i64, kind: u8) -> Result<i64, Error> {
    block_on(kind, f.call(argument))
}

/// Polls the promise of a closure once, and drops it.
#[func]
pub(crate) fn poll_once(f: LwtFn<i64, i64>, argument: i64) -> Result<bool, Error> {
    let promise = pin!(f.call(argument));
    let polled = promise.poll(&mut Context::from_waker(Waker::noop()));
    Ok(polled.is_ready())
}

/// Polls the promise of a closure once by hand, and then awaits it.
#[func]
pub(crate) async fn poll_and_await(f: LwtFn<i64, i64>, argument: i64) -> Result<i64, Error> {
    let mut promise = pin!(f.call(argument));
    let polled = promise
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => promise.await,
    }
}

/// A waker that wakes nobody, as that of code which only looks whether a future is ready.
struct Counts(AtomicU32);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

static JOB: Mutex<Option<Promise<i64>>> = Mutex::new(None);

fn job() -> MutexGuard<'static, Option<Promise<i64>>> {
    JOB.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls a closure, and keeps its promise.
#[func]
pub(crate) async fn start_job(f: LwtFn<i64, i64>, argument: i64) {
    *job() = Some(f.call(argument));
}

fn look_at_job() -> Option<Result<i64, Error>> {
    let mut job = job();
    let promise = job.as_mut()?;
    let waker = Arc::new(Counts(AtomicU32::new(0))).into();
    match Pin::new(promise).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// The result of the closure, if it is there.
#[func]
pub(crate) async fn job_result() -> Result<Option<i64>, Error> {
    look_at_job().transpose()
}

/// Awaits a closure in a `LocalSet`, beside code that takes some time and yields, again and
/// again.
#[func]
pub(crate) async fn await_in_local_set(f: LwtFn<i64, i64>, argument: i64) -> Result<i64, Error> {
    let mut promise = f.call(argument);
    let work = async move {
        // OCaml calls the closure.
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        for _ in 0..50 {
            let polled = poll_fn(|context| Poll::Ready(Pin::new(&mut promise).poll(context))).await;
            if let Poll::Ready(result) = polled {
                return result;
            }
            thread::sleep(std::time::Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
        promise.await
    };
    LocalSet::new().run_until(work).await
}
