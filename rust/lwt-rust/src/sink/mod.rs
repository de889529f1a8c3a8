//! Sinks, which either side makes and the other one fills.

mod given;
mod target;

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_sink::Sink;

pub(crate) use target::{Exclusive, Operation, Target, into_ocaml, read_item, target_of};

use crate::{
    bindings::Type,
    convert::{FromOcaml, IntoOcaml, OcamlType},
    error::Error,
    ocaml::{Lock, Val},
};
use given::Given;

/// A sink for items: `'a Lwt_rust.Sink.t` in OCaml.
///
/// As a result, it is any Rust [`Sink`], which OCaml fills. For example, `sink::unfold` of the
/// crate `futures-util`, with its feature `sink`, makes one of an asynchronous closure.
///
/// As an argument, it is a sink that OCaml has made, and a [`Sink`] in Rust:
///
/// ```
/// use lwt_rust::{Error, LwtSink, func};
///
/// /// In OCaml: `val count_into : int Lwt_rust.Sink.t -> int -> unit Lwt.t`
/// #[func]
/// async fn count_into(mut numbers: LwtSink<i64>, limit: i64) -> Result<(), Error> {
///     for number in 0..limit {
///         numbers.feed(number).await?;
///     }
///     numbers.close().await
/// }
/// # lwt_rust::library! { count_into }
/// ```
///
/// A function gives OCaml the sending end of a channel as a [`Sender`](crate::channel::Sender).
///
/// # The end
///
/// When OCaml closes a Rust sink, the sink is closed and dropped. If OCaml's collector finds
/// that it is unreachable, it is dropped only. When Rust drops a sink of OCaml's that it has
/// not closed, what it waits for is cancelled, and OCaml closes the sink.
pub struct LwtSink<T>(State<T>);

type Boxed<T> = Pin<Box<dyn Sink<T, Error = Error> + Send>>;

enum State<T> {
    /// A sink that Rust has made.
    Made(Boxed<T>),
    /// A sink that OCaml has made.
    Given(Given<T>),
}

impl<T: 'static> LwtSink<T> {
    /// A Rust sink.
    pub fn new<S>(sink: S) -> Self
    where
        S: Sink<T> + Send + 'static,
        S::Error: Into<Error>,
    {
        LwtSink(State::Made(Box::pin(Failing { sink })))
    }
}

impl<T> LwtSink<T> {
    /// Sends an item, and flushes the sink. It waits until the item has arrived.
    ///
    /// # Errors
    ///
    /// Those of the sink; for a sink of OCaml's, the exception that it raises.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the item may have been sent or not.
    pub async fn send(&mut self, item: T) -> Result<(), Error> {
        self.feed(item).await?;
        self.flush().await
    }

    /// Gives the sink an item. It waits while the sink is full. The item may stay in the sink
    /// until it is flushed.
    ///
    /// # Errors
    ///
    /// As for [`send`](LwtSink::send).
    ///
    /// # Cancellation
    ///
    /// As for [`send`](LwtSink::send).
    pub async fn feed(&mut self, item: T) -> Result<(), Error> {
        let mut sink = Pin::new(self);
        poll_fn(|context| sink.as_mut().poll_ready(context)).await?;
        sink.as_mut().start_send(item)
    }

    /// Waits until all items have arrived.
    ///
    /// # Errors
    ///
    /// As for [`send`](LwtSink::send).
    pub async fn flush(&mut self) -> Result<(), Error> {
        let mut sink = Pin::new(self);
        poll_fn(|context| sink.as_mut().poll_flush(context)).await
    }

    /// Waits until all items have arrived, and closes the sink.
    ///
    /// # Errors
    ///
    /// As for [`send`](LwtSink::send).
    pub async fn close(mut self) -> Result<(), Error> {
        let mut sink = Pin::new(&mut self);
        poll_fn(|context| sink.as_mut().poll_close(context)).await
    }
}

impl<T> Sink<T> for LwtSink<T> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            State::Made(sink) => sink.as_mut().poll_ready(context),
            State::Given(given) => given.poll_ready(context),
        }
    }

    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), Error> {
        match &mut self.0 {
            State::Made(sink) => sink.as_mut().start_send(item),
            State::Given(given) => given.start_send(item),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            State::Made(sink) => sink.as_mut().poll_flush(context),
            State::Given(given) => given.poll_flush(context),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            State::Made(sink) => sink.as_mut().poll_close(context),
            State::Given(given) => given.poll_close(context),
        }
    }
}

// Nothing in it is pinned but what is in a box.
impl<T> Unpin for LwtSink<T> {}

impl<T> fmt::Debug for LwtSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LwtSink(..)")
    }
}

pin_project_lite::pin_project! {
    /// A sink whose errors become ours.
    struct Failing<S> {
        #[pin]
        sink: S,
    }
}

impl<S: Sink<T>, T> Sink<T> for Failing<S>
where
    S::Error: Into<Error>,
{
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(ready!(self.project().sink.poll_ready(context)).map_err(Into::into))
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), Error> {
        self.project().sink.start_send(item).map_err(Into::into)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(ready!(self.project().sink.poll_flush(context)).map_err(Into::into))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(ready!(self.project().sink.poll_close(context)).map_err(Into::into))
    }
}

/// `t Lwt_rust.Sink.t`
// SAFETY: the items that OCaml sends are read as `T`, and those that a sink of OCaml's gets
// are made of a `T`. A sink that was made here is `'static`, and one that was given borrows
// nothing.
unsafe impl<T: OcamlType> OcamlType for LwtSink<T> {
    const TYPE: Type = Type::applied(&T::TYPE, "Lwt_rust.Sink.t");
}

impl<T: IntoOcaml + Send> FromOcaml for LwtSink<T> {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller promises it.
        let given = unsafe { Given::of(value) }?;
        Ok(LwtSink(State::Given(given)))
    }
}

// SAFETY: the items that OCaml sends are read as `T`s.
unsafe impl<T: FromOcaml + Send + 'static> IntoOcaml for LwtSink<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        into_ocaml(Exclusive::new(self), true, lock)
    }
}
