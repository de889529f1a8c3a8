//! Rust sinks, which OCaml fills.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use futures_sink::Sink;
use lwt_rust_core::Payload;

use super::LwtSink;
use crate::{
    callbacks::Callback,
    convert::{FromOcaml, error_in},
    error::{Error, ask_ocaml},
    ocaml::{self, Lock, Operations, Root, Val, custom_block, held, with_lock},
    runtime,
};

/// What a sink does for OCaml.
pub(crate) type Operation = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A Rust sink that OCaml holds. OCaml begins an operation when the one before has ended.
pub(crate) trait Target: Send + Sync {
    /// Sends an item. The sink gets it when it has room.
    fn send(self: Arc<Self>, item: Root) -> Operation;

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

/// Makes the OCaml sink that fills a Rust one.
pub(crate) fn into_ocaml(target: impl Target + 'static, lock: &mut Lock) -> Result<Val<'_>, Error> {
    let target = Root::new(custom_block(lock, Held(Arc::new(target)), None));
    Ok(ask_ocaml(lock, Callback::MakeSink, &[&target])?.get(lock))
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

/// A sink that one operation at a time uses. It is `None` while an operation polls it, and
/// when it was closed.
pub(crate) struct Exclusive<T>(Mutex<Option<LwtSink<T>>>);

impl<T> Exclusive<T> {
    pub(super) fn new(sink: LwtSink<T>) -> Self {
        Exclusive(Mutex::new(Some(sink)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<LwtSink<T>>> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Polls the sink. If that panics, the sink is closed.
    fn poll<R>(
        &self,
        poll: impl FnOnce(Pin<&mut LwtSink<T>>) -> Poll<Result<R, Error>>,
    ) -> Poll<Result<R, Error>> {
        let Some(mut sink) = self.lock().take() else {
            return Poll::Ready(Err(Error::message("this sink was closed before")));
        };
        let polled = poll(Pin::new(&mut sink));
        *self.lock() = Some(sink);
        polled
    }
}

impl<T: FromOcaml + Send + 'static> Target for Exclusive<T> {
    fn send(self: Arc<Self>, item: Root) -> Operation {
        Box::pin(poll_fn(move |context: &mut Context<'_>| {
            self.poll(|mut sink| {
                std::task::ready!(sink.as_mut().poll_ready(context))?;
                Poll::Ready(sink.start_send(read_item(&item)?))
            })
        }))
    }

    fn flush(self: Arc<Self>) -> Operation {
        Box::pin(poll_fn(move |context: &mut Context<'_>| {
            self.poll(|sink| sink.poll_flush(context))
        }))
    }

    fn close(self: Arc<Self>) -> Operation {
        Box::pin(async move {
            let closed =
                poll_fn(|context: &mut Context<'_>| self.poll(|sink| sink.poll_close(context)))
                    .await;
            let sink = self.lock().take();
            drop(sink);
            closed
        })
    }
}
