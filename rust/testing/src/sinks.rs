//! Sinks that Rust makes, sinks that it fills, and channels.

use std::{
    future::Future,
    mem::take,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_lite::StreamExt;
use futures_sink::Sink;
use lwt_rust::{Error, LwtSink, LwtStream, channel, func};
use tokio::time::{Sleep, sleep};

/// What the sinks of this file have got, in their order.
static ARRIVED: Mutex<Vec<i64>> = Mutex::new(Vec::new());

fn arrived_now() -> MutexGuard<'static, Vec<i64>> {
    ARRIVED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes what has arrived. A closed sink notes -1, and one that is dropped -2.
#[func]
pub(crate) fn arrived() -> Vec<i64> {
    take(&mut arrived_now())
}

/// A sink that has room for one item, which arrives after some time.
struct Slow {
    time: Duration,
    item: Option<(i64, Pin<Box<Sleep>>)>,
    /// Where its items arrive, if that is not `ARRIVED`.
    target: Option<channel::Sender<i64>>,
}

impl Slow {
    fn note(&self, item: i64) -> Result<(), Error> {
        match &self.target {
            None => arrived_now().push(item),
            Some(target) => target.try_send(item)?,
        }
        Ok(())
    }

    fn poll_arrived(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some((item, sleep)) = &mut self.item {
            ready!(sleep.as_mut().poll(context));
            let item = *item;
            self.item = None;
            self.note(item)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl Sink<i64> for Slow {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_arrived(context)
    }

    fn start_send(mut self: Pin<&mut Self>, item: i64) -> Result<(), Error> {
        match item {
            -1 => return Err(Error::message("no negative number")),
            -2 => panic!("a sink panics"),
            _ => {}
        }
        self.item = Some((item, Box::pin(sleep(self.time))));
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_arrived(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_arrived(context))?;
        Poll::Ready(self.note(-1))
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        // If nobody receives any more, nobody wants to know.
        let _ = self.note(-2);
    }
}

/// A sink that has room for one item, which takes some time.
#[func]
pub(crate) fn slow_sink(time: Duration) -> LwtSink<i64> {
    LwtSink::new(Slow {
        time,
        item: None,
        target: None,
    })
}

/// The same, with the stream of what arrives.
#[func]
pub(crate) fn slow_pipe(time: Duration) -> (LwtSink<i64>, channel::Receiver<i64>) {
    let (sender, receiver) = channel::unbounded();
    let sink = Slow {
        time,
        item: None,
        target: Some(sender),
    };
    (LwtSink::new(sink), receiver)
}

/// A sink for bytes.
#[func]
pub(crate) fn bytes_channel() -> (channel::Sender<u8>, channel::Receiver<u8>) {
    channel::unbounded()
}

/// The ends of a channel.
#[func]
pub(crate) fn channel_of(capacity: usize) -> (channel::Sender<i64>, channel::Receiver<i64>) {
    channel::bounded(capacity)
}

/// The sending end of a channel, from which a thread of tokio's receives `count` items.
#[func(tokio)]
pub(crate) fn received_on_tokio(count: usize) -> channel::Sender<i64> {
    let (sender, receiver) = channel::bounded(2);
    tokio::spawn(async move {
        for _ in 0..count {
            let Ok(item) = receiver.recv().await else {
                break;
            };
            arrived_now().push(item);
        }
    });
    sender
}

/// Sends the numbers below `count`, and closes the sink if `closes`.
#[func]
pub(crate) async fn count_into(
    mut numbers: LwtSink<i64>,
    count: i64,
    closes: bool,
) -> Result<(), Error> {
    for number in 0..count {
        numbers.feed(number).await?;
    }
    match closes {
        true => numbers.close().await,
        false => numbers.flush().await,
    }
}

/// Sends all items of a stream to a sink, on a thread of tokio's if `elsewhere`.
#[func]
pub(crate) async fn copy_all(
    mut items: LwtStream<i64>,
    mut sink: LwtSink<i64>,
    elsewhere: bool,
) -> Result<(), Error> {
    let copy = async move {
        while let Some(item) = items.next().await {
            sink.feed(item?).await?;
        }
        sink.close().await
    };
    match elsewhere {
        true => lwt_rust::spawn_scoped(copy).await?,
        false => copy.await,
    }
}
