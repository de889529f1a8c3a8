//! Tasks that await only things that are ready.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use lwt_rust::{Closure, Error, LwtFn, Promise, func, with_lock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::{Semaphore, mpsc},
    task::coop::cooperative,
};

/// Awaits one step after the other for a time. Returns the number of steps.
async fn repeat<F: Future<Output = Result<(), Error>>>(
    time: Duration,
    mut step: impl FnMut() -> F,
) -> Result<u64, Error> {
    let start = Instant::now();
    let mut steps = 0;
    while start.elapsed() < time {
        step().await?;
        steps += 1;
    }
    Ok(steps)
}

/// Awaits things that are always ready, for a time: a free semaphore, alone or beside
/// something that never comes, a channel that this task itself fills and empties, one that a
/// worker of tokio's keeps full, a budget, or a promise.
#[lwt_rust::func]
pub(crate) async fn ready_steps(kind: String, time: Duration) -> Result<u64, Error> {
    match kind.as_str() {
        "semaphore" => {
            let free = Semaphore::new(1);
            let step = async || {
                drop(free.acquire().await?);
                Ok(())
            };
            repeat(time, step).await
        }
        "channel" => {
            let (sender, mut receiver) = mpsc::channel(16);
            let start = Instant::now();
            let mut steps = 0;
            while start.elapsed() < time {
                sender.send(()).await?;
                receiver.recv().await;
                steps += 1;
            }
            Ok(steps)
        }
        "select" => {
            let free = Semaphore::new(1);
            let step = async || {
                let mut ready = pin!(free.acquire());
                let mut never = pin!(std::future::pending::<()>());
                let acquired = std::future::poll_fn(|context| {
                    let _ = never.as_mut().poll(context);
                    ready.as_mut().poll(context)
                });
                drop(acquired.await?);
                Ok(())
            };
            repeat(time, step).await
        }
        "full channel" => {
            let (sender, mut receiver) = mpsc::channel(16);
            let sending =
                lwt_rust::spawn_scoped(async move { while sender.send(()).await.is_ok() {} });
            let start = Instant::now();
            let mut steps = 0;
            while start.elapsed() < time {
                receiver.recv().await;
                steps += 1;
            }
            drop(receiver);
            sending.await?;
            Ok(steps)
        }
        "budget" => {
            let step = async || {
                tokio::task::consume_budget().await;
                Ok(())
            };
            repeat(time, step).await
        }
        // A step within a step within a step.
        "nested" => {
            let free = Semaphore::new(1);
            let step = async || {
                drop(cooperative(cooperative(free.acquire())).await?);
                Ok(())
            };
            repeat(time, step).await
        }
        "promise" => repeat(time, async || Promise::ready(Ok(())).await).await,
        "socket" => read_from_a_fast_socket(time).await,
        other => Err(Error::message(format!("no steps of the kind {other}"))),
    }
}

/// Reads in pieces of 4 KB from a socket, to which a worker of tokio's writes without a
/// pause.
async fn read_from_a_fast_socket(time: Duration) -> Result<u64, Error> {
    let (mut reader, mut writer) = UnixStream::pair()?;
    let writing = lwt_rust::spawn_scoped(async move {
        let bytes = [0; 1 << 16];
        while writer.write_all(&bytes).await.is_ok() {}
    });
    let start = Instant::now();
    let mut bytes = [0; 4096];
    let mut steps = 0;
    while start.elapsed() < time {
        reader.read_exact(&mut bytes).await?;
        steps += 1;
    }
    drop(reader);
    writing.await?;
    Ok(steps)
}

/// Calls a closure and gives its promise up while it is pending, again and again.
#[lwt_rust::func]
pub(crate) async fn give_up(f: LwtFn<(), ()>, times: u64, detaches: bool) -> Result<(), Error> {
    for _ in 0..times {
        let mut promise = f.call(());
        // The promise is polled once before it is given up.
        let polled = std::future::poll_fn(|context| Poll::Ready(pin!(&mut promise).poll(context)));
        if polled.await.is_ready() {
            return Err(Error::message("the promise is settled"));
        }
        tokio::task::yield_now().await;
        match detaches {
            true => promise.detach(),
            false => drop(promise),
        }
    }
    Ok(())
}

/// Does the same as `give_up` on a worker of tokio's.
#[lwt_rust::func]
pub(crate) async fn give_up_on_tokio(
    f: LwtFn<(), ()>,
    times: u64,
    detaches: bool,
) -> Result<(), Error> {
    tokio::spawn(give_up(f, times, detaches)).await?
}

/// Calls a closure when it is dropped.
struct CallWhenDropped(LwtFn<(), ()>);

impl Drop for CallWhenDropped {
    fn drop(&mut self) {
        self.0.call(()).detach();
    }
}

/// Waits for ever; calls a closure when it is cancelled.
#[lwt_rust::func]
pub(crate) async fn call_when_dropped(f: LwtFn<(), ()>) {
    let _dropped = CallWhenDropped(f);
    std::future::pending().await
}

/// Calls a closure in a task of its own in the domain, after a wait on tokio's side.
#[lwt_rust::func]
pub(crate) async fn call_from_a_task(f: LwtFn<i64, i64>, n: i64) -> Result<i64, Error> {
    let executor = lwt_rust::DomainExecutor::current().ok_or(Error::Abandoned)?;
    let task = executor.spawn_local(async move {
        tokio::time::sleep(Duration::from_micros(50)).await;
        f.call(n).await
    });
    task.await?
}

/// Calls two closures before it awaits either.
#[lwt_rust::func]
pub(crate) async fn call_both(f: LwtFn<i64, i64>, g: LwtFn<i64, i64>) -> Result<i64, Error> {
    let (first, second) = (f.call(1), g.call(2));
    // The waker of this poll does nothing, so the poll must have no effect.
    let mut second = pin!(second);
    let _ = second
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    Ok(first.await? + second.await?)
}

/// For a time, awaits a free semaphore and calls a closure, by turns. Returns the number of
/// steps.
#[func]
pub(crate) async fn steps_and_closure(f: Closure<(), ()>, time: Duration) -> Result<u64, Error> {
    let free = Semaphore::new(1);
    let step = async || {
        drop(free.acquire().await?);
        with_lock(|lock| f.call(lock, ()))
    };
    repeat(time, step).await
}
