//! Rust sinks, which OCaml fills.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, ready},
};

use futures_sink::Sink;
use lwt_rust_core::Payload;

use super::LwtSink;
use crate::{
    callbacks::Callback,
    convert::{FromOcaml, IntoOcaml, error_in},
    error::{Error, ask_ocaml},
    ocaml::{self, Lock, Operations, Root, Val, custom_block, held, with_lock},
    runtime,
};

/// What a sink does for OCaml.
pub(crate) type Operation = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A Rust sink that OCaml holds. OCaml begins an operation when the one before has ended.
pub(crate) trait Target: Send + Sync {
    /// Waits until the sink has room, and gives it an item. Flushes the sink after that, if
    /// `flushes` is true.
    fn send(self: Arc<Self>, item: Root, flushes: bool) -> Operation;

    /// Waits until all items have arrived.
    fn flush(self: Arc<Self>) -> Operation;

    /// Closes the sink.
    fn close(self: Arc<Self>) -> Operation;
}

/// The value in an OCaml block.
#[derive(Clone)]
pub(crate) struct Held(Arc<dyn Target>);

// SAFETY: the static is in this function, for this type.
unsafe impl ocaml::Held for Held {
    fn operations() -> &'static Operations {
        static SINK: Operations = Operations::of::<Held>(c"lwt_rust.sink");
        &SINK
    }

    fn end(self) {
        runtime::in_context(|| drop(self));
    }

    fn end_panicked(payload: Payload) {
        runtime::panicked_in_finaliser(payload);
    }
}

/// Makes the OCaml sink that fills a Rust one. `has_flush` is false if there is never
/// anything to flush.
pub(crate) fn into_ocaml(
    target: impl Target + 'static,
    has_flush: bool,
    lock: &mut Lock,
) -> Result<Val<'_>, Error> {
    let target = Root::new(custom_block(lock, Held(Arc::new(target)), None));
    let has_flush = Root::new(has_flush.into_ocaml(lock)?);
    Ok(ask_ocaml(lock, Callback::MakeSink, &[&target, &has_flush])?.get(lock))
}

/// The sink within a value of [`into_ocaml`]; `None` for any other.
pub(crate) fn target_of(value: Val<'_>) -> Option<Arc<dyn Target>> {
    held::<Held>(value).map(|held| held.0.clone())
}

/// Reads an item that OCaml sends.
pub(crate) fn read_item<T: FromOcaml>(item: &Root) -> Result<T, Error> {
    // SAFETY: the sink was given to OCaml as one of `T`s.
    with_lock(|lock| unsafe { T::from_ocaml(item.get(lock)) })
        .map_err(|error| error_in("an item for a sink", error))
}

/// A sink that one operation at a time uses.
pub(crate) struct Exclusive<T>(Mutex<State<T>>);

enum State<T> {
    Open(LwtSink<T>),
    /// An operation has given OCaml the sink's error. The sink is gone.
    Failed,
    /// It was closed, or has panicked. It is so, too, while an operation polls the sink.
    Closed,
}

impl<T> Exclusive<T> {
    pub(super) fn new(sink: LwtSink<T>) -> Self {
        Exclusive(Mutex::new(State::Open(sink)))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn replace(&self, state: State<T>) -> State<T> {
        mem::replace(&mut *self.lock(), state)
    }

    /// Polls the sink. If that panics or gives an error, the sink is dropped.
    fn poll(
        &self,
        poll: impl FnOnce(Pin<&mut LwtSink<T>>) -> Poll<Result<(), Error>>,
    ) -> Poll<Result<(), Error>> {
        match self.replace(State::Closed) {
            State::Open(mut sink) => {
                let polled = poll(Pin::new(&mut sink));
                let has_failed = matches!(polled, Poll::Ready(Err(_)));
                self.replace(if has_failed {
                    State::Failed
                } else {
                    State::Open(sink)
                });
                polled
            }
            State::Failed => {
                self.replace(State::Failed);
                Poll::Ready(Err(failed_before()))
            }
            State::Closed => Poll::Ready(Err(closed_before())),
        }
    }
}

#[cold]
fn failed_before() -> Error {
    Error::message("this sink has failed before, and takes no more items")
}

#[cold]
fn closed_before() -> Error {
    Error::message("this sink was closed before")
}

impl<T: FromOcaml + Send + 'static> Target for Exclusive<T> {
    fn send(self: Arc<Self>, item: Root, flushes: bool) -> Operation {
        Box::pin(async move {
            let mut item = Some(read_item(&item)?);
            poll_fn(|context: &mut Context<'_>| {
                self.poll(|mut sink| {
                    ready!(sink.as_mut().poll_ready(context))?;
                    Poll::Ready(item.take().map_or(Ok(()), |item| sink.start_send(item)))
                })
            })
            .await?;
            if flushes {
                poll_fn(|context| self.poll(|sink| sink.poll_flush(context))).await?;
            }
            Ok(())
        })
    }

    fn flush(self: Arc<Self>) -> Operation {
        Box::pin(poll_fn(move |context: &mut Context<'_>| {
            self.poll(|sink| sink.poll_flush(context))
        }))
    }

    fn close(self: Arc<Self>) -> Operation {
        Box::pin(async move {
            // Its error was told already.
            if matches!(*self.lock(), State::Failed) {
                return Ok(());
            }
            let closed =
                poll_fn(|context: &mut Context<'_>| self.poll(|sink| sink.poll_close(context)))
                    .await;
            if closed.is_ok() {
                self.replace(State::Closed);
            }
            closed
        })
    }
}
