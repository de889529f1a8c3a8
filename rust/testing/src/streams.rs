//! Streams that Rust makes, and streams that it reads.

use std::{
    future::Future,
    num::ParseIntError,
    pin::Pin,
    sync::atomic::{AtomicI64, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use futures_lite::{StreamExt, stream};
use lwt_rust::{
    Closure, Error, FromOcaml, IntoOcaml, LwtFn, LwtStream, OcamlType, func, with_lock,
};
use tokio::time::{Sleep, sleep};

/// How many items the streams of this file have made.
static MADE: AtomicI64 = AtomicI64::new(0);

/// How many of them there are.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// How many items `Script` and `numbers` have made.
#[func]
pub(crate) fn made() -> i64 {
    MADE.load(Ordering::SeqCst)
}

/// How many streams of `Script` and `numbers` there are.
#[func]
pub(crate) fn alive() -> i64 {
    ALIVE.load(Ordering::SeqCst)
}

struct Alive;

impl Alive {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Alive
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A step of a stream.
#[derive(OcamlType, FromOcaml, IntoOcaml)]
pub(crate) enum Event {
    Item(i64),
    /// It wakes itself.
    Yield,
    /// It waits for one of tokio's timers.
    Sleep,
    Fail,
    Panic,
}

/// A stream that follows a script.
struct Script {
    steps: std::vec::IntoIter<Event>,
    sleep: Option<Pin<Box<Sleep>>>,
    _alive: Alive,
}

impl Script {
    fn new(steps: Vec<Event>) -> Self {
        Script {
            steps: steps.into_iter(),
            sleep: None,
            _alive: Alive::new(),
        }
    }
}

impl Stream for Script {
    type Item = Result<i64, ParseIntError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            return Poll::Ready(match self.steps.next() {
                None => None,
                Some(Event::Item(item)) => {
                    MADE.fetch_add(1, Ordering::SeqCst);
                    Some(Ok(item))
                }
                Some(Event::Fail) => Some("no number".parse()),
                Some(Event::Panic) => panic!("a stream panics"),
                Some(Event::Yield) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Event::Sleep) => {
                    self.sleep = Some(Box::pin(sleep(Duration::from_millis(1))));
                    continue;
                }
            });
        }
    }
}

/// A stream that follows a script.
#[func]
pub(crate) fn script(steps: Vec<Event>) -> impl Stream<Item = Result<i64, ParseIntError>> {
    Script::new(steps)
}

/// The numbers below `count`, each ready at once.
#[func]
pub(crate) fn numbers(count: i64) -> impl Stream<Item = i64> {
    let alive = Alive::new();
    stream::iter(0..count).map(move |number| {
        let _alive = &alive;
        MADE.fetch_add(1, Ordering::SeqCst);
        number
    })
}

/// The same, by an asynchronous function.
#[func]
pub(crate) async fn numbers_later(count: i64) -> impl Stream<Item = i64> {
    tokio::task::yield_now().await;
    numbers(count)
}

/// The same, by a function that may fail.
#[func]
pub(crate) async fn numbers_or_error(count: i64) -> Result<impl Stream<Item = i64>, Error> {
    match u8::try_from(count) {
        Ok(_) => Ok(numbers(count)),
        Err(_) => Err(Error::message("too many numbers")),
    }
}

/// The same, by a function on tokio's pool.
#[func(blocking)]
pub(crate) fn numbers_blocking(count: i64) -> impl Stream<Item = i64> {
    numbers(count)
}

/// A stream that gives nothing and does not end.
#[func]
pub(crate) fn silence() -> impl Stream<Item = ()> {
    let alive = Alive::new();
    stream::pending().map(move |()| {
        let _alive = &alive;
    })
}

#[derive(OcamlType, IntoOcaml)]
pub(crate) struct Streams {
    pub(crate) floats: LwtStream<f64>,
    pub(crate) texts: Option<LwtStream<String>>,
    pub(crate) large: LwtStream<u64>,
}

/// Streams in a record. The third item of the last one is no integer of OCaml's.
#[func]
pub(crate) fn streams() -> Streams {
    Streams {
        floats: LwtStream::new(stream::iter([0.5, 1.5, 2.5])),
        texts: Some(LwtStream::new(stream::iter(["a".into(), "b".into()]))),
        large: LwtStream::new(stream::iter([1, 2, u64::MAX, 4])),
    }
}

/// A stream that calls a function for each item.
#[func]
pub(crate) fn calling(f: LwtFn<i64, i64>, count: i64) -> impl Stream<Item = Result<i64, Error>> {
    stream::unfold(0, move |number| {
        let f = f.clone();
        async move {
            match number < count {
                true => Some((f.call(number).await, number + 1)),
                false => None,
            }
        }
    })
}

/// A stream that calls a synchronous function within its poll.
#[func]
pub(crate) fn calling_within(f: Closure<i64, ()>) -> impl Stream<Item = Result<i64, Error>> {
    let alive = Alive::new();
    stream::iter(0..3).map(move |number| {
        let _alive = &alive;
        with_lock(|lock| f.call(lock, number))?;
        Ok(number)
    })
}

/// A stream that asks a function in each poll, and gives it the number of the poll. 0: not
/// ready, and woken; 1: an item, the number of the poll; other numbers: not ready.
#[func]
pub(crate) fn polled_by(f: Closure<i64, i64>) -> impl Stream<Item = Result<i64, Error>> {
    let mut polls = 0;
    let alive = Alive::new();
    stream::poll_fn(move |context| {
        let _alive = &alive;
        polls += 1;
        match with_lock(|lock| f.call(lock, polls)) {
            Ok(1) => Poll::Ready(Some(Ok(polls))),
            Ok(0) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(_) => Poll::Pending,
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    })
}

/// A stream whose items come from a thread of tokio's, `burst` at a time.
#[func(tokio)]
pub(crate) fn from_tokio(count: i64, burst: i64) -> impl Stream<Item = i64> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(burst as usize);
    let alive = Alive::new();
    tokio::spawn(async move {
        for number in 0..count {
            if number % burst == 0 {
                tokio::task::yield_now().await;
            }
            if sender.send(number).await.is_err() {
                break;
            }
            MADE.fetch_add(1, Ordering::SeqCst);
        }
        drop(alive);
    });
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

/// A stream whose destructor panics.
#[func]
pub(crate) fn panics_when_dropped() -> impl Stream<Item = ()> {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("the destructor of a stream panics");
        }
    }
    let panics = Panics;
    stream::pending().map(move |()| {
        let _panics = &panics;
    })
}

/// The sum of the items.
#[func]
pub(crate) async fn sum_stream(mut numbers: LwtStream<i64>) -> Result<i64, Error> {
    let mut sum = 0;
    while let Some(number) = numbers.next().await {
        sum += number?;
    }
    Ok(sum)
}

/// The first `count` items, read on a thread of tokio's if `elsewhere`, with a prefetch.
#[func]
pub(crate) async fn take(
    numbers: LwtStream<i64>,
    count: usize,
    prefetch: usize,
    elsewhere: bool,
) -> Result<Vec<i64>, Error> {
    let read = async move {
        let mut numbers = numbers.prefetch(prefetch);
        let mut taken = Vec::new();
        while taken.len() < count {
            match numbers.next().await {
                Some(number) => taken.push(number?),
                None => break,
            }
        }
        Ok(taken)
    };
    match elsewhere {
        true => lwt_rust::spawn_scoped(read).await?,
        false => read.await,
    }
}

/// The lengths of texts, as a stream.
#[func]
pub(crate) fn lengths_of_texts(
    texts: LwtStream<String>,
) -> impl Stream<Item = Result<usize, Error>> {
    texts.map(|text| Ok(text?.len()))
}

/// Gives the items back.
#[func]
pub(crate) fn echo_bytes_of(bytes: LwtStream<u8>) -> LwtStream<u8> {
    LwtStream::fallible(bytes.prefetch(3))
}

/// Gives the items back.
#[func]
pub(crate) fn echo_floats_of(floats: LwtStream<f64>) -> LwtStream<f64> {
    floats.prefetch(3)
}

/// Drops a stream in a plain function.
#[func]
pub(crate) fn drop_stream(numbers: LwtStream<i64>) {
    drop(numbers);
}

/// Drops a stream on a thread of tokio's, and reads nothing.
#[func]
pub(crate) async fn drop_stream_elsewhere(numbers: LwtStream<i64>) -> Result<(), Error> {
    lwt_rust::spawn_scoped(async move { drop(numbers) }).await
}
