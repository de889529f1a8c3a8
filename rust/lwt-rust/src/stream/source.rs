//! Rust streams, which OCaml pulls.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use futures_core::Stream;
use lwt_rust_core::{Payload, catch_panic};

use super::{LwtStream, Mapped};
use crate::{
    callbacks::{Callback, call_back},
    convert::{IntoOcaml, root, write_array},
    error::{Error, Exception, Panic},
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
    /// has changed meanwhile.
    Polled,
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
        match call_back(lock, Callback::MakeStream, &[&source]) {
            Some(Ok(stream)) => Ok(Root::new(stream).get(lock)),
            Some(Err(raised)) => Err(Exception::raised(lock, raised).into()),
            None => Err(Error::message(
                "the module Lwt_rust was not initialised yet",
            )),
        }
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

    /// Drops the stream. If a task is polling it, that task drops it after the poll.
    pub(crate) fn close(&self) {
        let state = self.replace(State::Ended);
        runtime::in_context(|| drop(state));
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
}

impl Pull {
    pub(crate) fn new(source: Arc<Source>, most: usize, chunk: Root) -> Self {
        Pull {
            source,
            most,
            chunk,
        }
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

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polling = match self.source.replace(State::Polled) {
            State::Open(items) => Polling {
                source: &self.source,
                items: Some(items),
            },
            State::Polled => {
                return Poll::Ready(Err(Error::message(
                    "a stream was pulled by OCaml code that the stream itself has called",
                )));
            }
            State::Failed(error) => {
                self.source.replace(State::Ended);
                return Poll::Ready(self.give(Vec::new(), true).and(Err(error)));
            }
            State::Ended => {
                self.source.replace(State::Ended);
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
                self.source.replace(State::Failed(error));
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
            if matches!(*state, State::Polled) {
                if let Some(items) = self.items.take() {
                    *state = State::Open(items);
                }
            }
        }
        polled
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        // Unless it was put back, it has ended, or was closed meanwhile.
        if let Some(items) = self.items.take() {
            self.source.replace(State::Ended);
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
