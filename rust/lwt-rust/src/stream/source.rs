//! Rust streams, which OCaml pulls.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use futures_core::Stream;
use lwt_rust_core::{Payload, catch_panic};

use super::{LwtStream, Mapped};
use crate::{
    callbacks::Callback,
    convert::{IntoOcaml, root, write_array},
    error::{Error, Panic, ask_ocaml},
    ocaml::{Held, Lock, Operations, Root, Val, custom_block, held, with_lock},
    runtime,
};

/// The items of a Rust stream, as OCaml values.
type Items = Pin<Box<dyn Stream<Item = Result<Root, Error>> + Send>>;

/// A Rust stream that OCaml holds.
pub(crate) struct Source(Mutex<State>);

enum State {
    Open(Items),
    /// A task polls the items, which are in its hands. They are dropped then, if the state
    /// has changed meanwhile. The waker is that of another pull, which OCaml code has begun
    /// that the stream itself has called.
    Polled(Option<Waker>),
    /// The stream has ended with an error, which the next pull gives.
    Failed(Error),
    Ended,
}

impl Source {
    pub(super) fn new<T>(stream: LwtStream<T>) -> Self
    where
        T: IntoOcaml + Send + 'static,
    {
        let map = |item: Result<T, Error>| with_lock(|lock| root(item?, lock));
        let items = Mapped { stream, map };
        Source(Mutex::new(State::Open(Box::pin(items))))
    }

    /// Makes the OCaml stream that pulls this one.
    pub(super) fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let source = Root::new(custom_block(lock, Arc::new(self), None));
        Ok(ask_ocaml(lock, Callback::MakeStream, &[&source])?.get(lock))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn replace(&self, state: State) -> State {
        std::mem::replace(&mut *self.state(), state)
    }

    /// Changes the state for good, and wakes a pull that has met another one.
    fn set(&self, state: State) {
        match self.replace(state) {
            State::Polled(other) => wake(other),
            before => drop(before),
        }
    }

    /// Drops the stream. If a task is polling it, that task drops it after the poll.
    pub(crate) fn close(&self) {
        runtime::in_context(|| self.set(State::Ended));
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The items that one poll has given, and what follows them.
struct Polled {
    items: Vec<Root>,
    then: Then,
}

enum Then {
    Pending,
    More,
    Failed(Error),
    Ended,
}

/// The most items that one poll gives. OCaml's minor heap has room for an array of them, and
/// a stream that is always ready leaves other tasks their turns.
const MOST_ITEMS: usize = 256;

/// Polls items until `most` are there, or no more are ready.
fn poll_items(items: &mut Items, most: usize, context: &mut Context<'_>) -> Polled {
    let mut polled = Vec::new();
    let most = most.clamp(1, MOST_ITEMS);
    let then = loop {
        if polled.len() == most {
            break Then::More;
        }
        // The items before a panic are not lost.
        match catch_panic(|| items.as_mut().poll_next(context)) {
            Ok(Poll::Ready(Some(Ok(item)))) => polled.push(item),
            Ok(Poll::Ready(Some(Err(error)))) => break Then::Failed(error),
            Ok(Poll::Ready(None)) => break Then::Ended,
            Ok(Poll::Pending) => break Then::Pending,
            Err(payload) => break Then::Failed(Panic::from_payload(payload).into()),
        }
    };
    Polled {
        items: polled,
        then,
    }
}

/// A pull of OCaml's: it completes when items have come, and has put them into OCaml's
/// `chunk` then. So if OCaml cancels the pull too late, the items are not lost.
pub(crate) struct Pull {
    source: Arc<Source>,
    /// The most items that OCaml asks for.
    most: usize,
    /// `chunk` of `lib/raw.ml`.
    chunk: Root,
    /// Whether another pull was polling the stream. It may have got items for its reader, and
    /// the reader was cancelled meanwhile.
    has_met_another: bool,
}

impl Pull {
    pub(crate) fn new(source: Arc<Source>, most: usize, chunk: Root) -> Self {
        Pull {
            source,
            most,
            chunk,
            has_met_another: false,
        }
    }

    /// Whether OCaml has items that it has not taken.
    fn has_items(&self) -> bool {
        with_lock(|lock| {
            let items = self.chunk.get(lock).field(0);
            items.is_some_and(|items| items.size() > 0)
        })
    }

    /// Gives OCaml the items.
    fn give(&self, items: Vec<Root>, is_last: bool) -> Result<(), Error> {
        with_lock(|lock| {
            if !items.is_empty() {
                let array = Root::new(write_array(items.into_iter(), lock)?);
                lock.store(&self.chunk, 0, &array);
            }
            if is_last {
                lock.store(&self.chunk, 1, &Root::of_bool(true));
            }
            Ok(())
        })
    }
}

impl Future for Pull {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.has_met_another && self.has_items() {
            return Poll::Ready(Ok(()));
        }
        let polling = match self.source.replace(State::Polled(None)) {
            State::Open(items) => Polling {
                source: &self.source,
                items: Some(items),
            },
            State::Polled(_) => {
                self.has_met_another = true;
                let waker = context.waker().clone();
                self.source.replace(State::Polled(Some(waker)));
                return Poll::Pending;
            }
            State::Failed(error) => {
                self.source.set(State::Ended);
                return Poll::Ready(self.give(Vec::new(), true).and(Err(error)));
            }
            State::Ended => {
                self.source.set(State::Ended);
                return Poll::Ready(self.give(Vec::new(), true));
            }
        };
        let Polled { items, then } = polling.poll(self.most, context);
        match then {
            Then::Pending if items.is_empty() => Poll::Pending,
            Then::Failed(error) if items.is_empty() => {
                Poll::Ready(self.give(items, true).and(Err(error)))
            }
            Then::Failed(error) => {
                self.source.set(State::Failed(error));
                Poll::Ready(self.give(items, false))
            }
            Then::Pending | Then::More => Poll::Ready(self.give(items, false)),
            Then::Ended => Poll::Ready(self.give(items, true)),
        }
    }
}

/// A stream that a task polls.
struct Polling<'a> {
    source: &'a Source,
    items: Option<Items>,
}

impl Polling<'_> {
    fn poll(mut self, most: usize, context: &mut Context<'_>) -> Polled {
        let polled = match &mut self.items {
            Some(items) => poll_items(items, most, context),
            None => unreachable!("only the lines below take the items"),
        };
        if matches!(polled.then, Then::Pending | Then::More) {
            let mut state = self.source.state();
            if let State::Polled(other) = &mut *state {
                let other = other.take();
                if let Some(items) = self.items.take() {
                    *state = State::Open(items);
                }
                drop(state);
                wake(other);
            }
        }
        polled
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        // Unless it was put back, it has ended, or was closed meanwhile.
        if let Some(items) = self.items.take() {
            self.source.set(State::Ended);
            drop(items);
        }
    }
}

// SAFETY: the static is in this function, for this type.
unsafe impl Held for Arc<Source> {
    fn operations() -> &'static Operations {
        static STREAM: Operations = Operations::of::<Arc<Source>>(c"lwt_rust.stream");
        &STREAM
    }

    fn end(self) {
        runtime::in_context(|| drop(self));
    }

    fn end_panicked(payload: Payload) {
        runtime::panicked_in_finaliser(payload);
    }
}

/// The stream within a value of [`Source::into_ocaml`]; `None` for any other.
pub(crate) fn source_of(value: Val<'_>) -> Option<Arc<Source>> {
    held::<Arc<Source>>(value).cloned()
}
