//! Errors and panics.

use std::{
    fmt,
    future::{Future, pending},
    sync::Arc,
    task::{Context, Wake},
    time::Duration,
};

use lwt_rust::{Error, LwtFn, Promise, func};

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the outer error")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("panic in a destructor");
    }
}

#[derive(Debug)]
struct PanicOnDisplay;

impl fmt::Display for PanicOnDisplay {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("panic while it is shown");
    }
}

impl std::error::Error for PanicOnDisplay {}

/// Panics when it becomes an `Error`.
pub(crate) struct PanicOnConversion;

impl From<PanicOnConversion> for Error {
    fn from(_: PanicOnConversion) -> Self {
        panic!("panic of a conversion");
    }
}

struct PanicOnWake;

impl Wake for PanicOnWake {
    fn wake(self: Arc<Self>) {
        panic!("panic in a waker");
    }
}

/// Fails with an error that has a cause, before or after a wait.
#[func]
pub(crate) async fn fail(waits: bool) -> Result<(), Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    "x".parse::<i32>().map_err(Outer)?;
    Ok(())
}

/// Panics before or after a wait.
#[func]
pub(crate) async fn panic(waits: bool) -> Result<(), Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    panic!("panic of the test");
}

/// Does the same as `panic`, and prints nothing on the standard error output.
#[func]
pub(crate) async fn unwind(waits: bool) -> Result<(), Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    std::panic::resume_unwind(Box::new("panic of the test"));
}

/// Catches one panic, and goes on with another, which no hook sees.
#[func]
pub(crate) async fn catch_and_unwind() -> Result<(), Error> {
    let caught = std::panic::catch_unwind(|| panic!("a panic that is caught"));
    assert!(caught.is_err());
    std::panic::resume_unwind(Box::new("panic of the test"));
}

/// Panics. While that unwinds, a destructor panics too, and catches that.
#[func]
pub(crate) async fn panic_around_another() -> Result<(), Error> {
    struct Catches;
    impl Drop for Catches {
        fn drop(&mut self) {
            let caught = std::panic::catch_unwind(|| panic!("a panic that is caught"));
            assert!(caught.is_err());
        }
    }
    let _catches = Catches;
    panic!("panic of the test")
}

/// Panics while it drops a local value at its end, after it has made its result.
#[func]
pub(crate) async fn panic_in_drop(waits: bool) -> Result<(), Error> {
    let _held = PanicOnDrop;
    if waits {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Waits for ever, and panics when it is dropped.
#[func]
pub(crate) async fn panic_when_cancelled() -> Result<(), Error> {
    let _held = PanicOnDrop;
    pending().await
}

/// Panics on a tokio worker.
#[func]
pub(crate) async fn panic_on_tokio() -> Result<(), Error> {
    let task = tokio::spawn(async { panic!("panic of a worker") });
    Ok(task.await?)
}

/// Drops a resolver without resolving its promise.
#[func]
pub(crate) async fn abandon() -> Result<(), Error> {
    let (resolver, promise) = Promise::new();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(resolver);
    });
    promise.await
}

/// Whether the exception of a closure is the one registered as "test.mine",
/// and whether it has a backtrace.
#[func]
pub(crate) async fn is_mine(f: LwtFn<(), ()>) -> Result<(bool, bool), Error> {
    match f.call(()).await {
        Err(Error::Exception(exception)) => {
            Ok((exception.is("test.mine"), exception.has_backtrace()))
        }
        other => Err(Error::message(format!("not an exception: {other:?}"))),
    }
}

/// Calls a closure, ignores its exception, and counts on.
#[func]
pub(crate) async fn swallow(f: LwtFn<(), ()>, waits: bool) -> Result<u32, Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    Ok(u32::from(f.call(()).await.is_err()))
}

/// Fails with an error that panics when it is shown.
#[func]
pub(crate) async fn panic_in_error(waits: bool) -> Result<(), Error> {
    if waits {
        tokio::task::yield_now().await;
    }
    Err(PanicOnDisplay)?
}

/// Fails with a value that panics when it becomes an `Error`.
#[func]
pub(crate) async fn panic_in_conversion(waits: bool) -> Result<(), PanicOnConversion> {
    if waits {
        tokio::task::yield_now().await;
    }
    Err(PanicOnConversion)
}

/// Registers a waker that panics when it is woken, has it woken by a thread,
/// and ends.
#[func]
pub(crate) async fn panic_in_waker() -> Result<(), Error> {
    let (resolver, promise) = Promise::<()>::new();
    let waker = Arc::new(PanicOnWake).into();
    let mut promise = std::pin::pin!(promise);
    let polled = promise.as_mut().poll(&mut Context::from_waker(&waker));
    let woken = std::thread::spawn(move || resolver.resolve(())).join();
    match (polled.is_pending(), woken) {
        (true, Err(_)) => Ok(()),
        other => Err(Error::message(format!("no panic: {other:?}"))),
    }
}

/// Fails with an error of the system's, of this number.
#[func]
pub(crate) async fn io_error(errno: i32) -> Result<(), Error> {
    Err(std::io::Error::from_raw_os_error(errno).into())
}

/// Returns the name and the message that Rust shows of a closure's exception.
#[func]
pub(crate) async fn message_of(f: LwtFn<(), ()>) -> Result<(String, String), Error> {
    match f.call(()).await {
        Err(Error::Exception(exception)) => {
            let name = exception.name().unwrap_or_default().to_owned();
            Ok((name, exception.message().to_owned()))
        }
        other => Err(Error::message(format!("not an exception: {other:?}"))),
    }
}
