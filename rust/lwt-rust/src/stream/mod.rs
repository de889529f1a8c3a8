//! Streams, which either side makes and the other one reads.

mod pulled;
mod source;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

pub(crate) use source::{Pull, Source, source_of};

use crate::{
    bindings::Type,
    convert::{FromOcaml, IntoOcaml, OcamlType},
    error::Error,
    ocaml::{Lock, Val},
};
use pulled::Pulled;

/// A stream of items: `'a Lwt_rust.Stream.t` in OCaml.
///
/// As a result, it is any Rust stream. OCaml pulls its items. A function that returns an
/// `impl Stream` gives OCaml the same:
///
/// ```
/// use futures_core::Stream;
/// use lwt_rust::{Error, LwtStream, func};
///
/// /// In OCaml: `val countdown : int -> int Lwt_rust.Stream.t`
/// #[func]
/// fn countdown(from: u32) -> impl Stream<Item = u32> {
///     futures_lite::stream::iter((0..from).rev())
/// }
///
/// /// In OCaml: `val both : int -> int Lwt_rust.Stream.t * int Lwt_rust.Stream.t`
/// #[func]
/// fn both(from: u32) -> (LwtStream<u32>, LwtStream<u32>) {
///     (LwtStream::new(countdown(from)), LwtStream::new(countdown(from)))
/// }
/// # lwt_rust::library! { countdown, both }
/// ```
///
/// As an argument, it is a stream that OCaml has made. It gives `Result<T, Error>`:
///
/// ```
/// use futures_lite::StreamExt;
/// use lwt_rust::{Error, LwtStream, func};
///
/// /// In OCaml: `val sum : int Lwt_rust.Stream.t -> int Lwt.t`
/// #[func]
/// async fn sum(mut numbers: LwtStream<i64>) -> Result<i64, Error> {
///     numbers.try_fold(0, |sum, number| Ok(sum + number)).await
/// }
/// # lwt_rust::library! { sum }
/// ```
///
/// # Demand
///
/// The side that makes the items is asked for one item at a time, when the other side wants
/// it. OCaml asks a Rust stream for several with `Lwt_rust.Stream.next_chunk` and the
/// functions that read all items; Rust asks OCaml for several after
/// [`prefetch`](LwtStream::prefetch). Then the items that are ready together cross together.
///
/// # The end
///
/// A stream ends after its first error, which is an exception in OCaml. When OCaml closes or
/// drops a Rust stream, the stream is dropped: by the call of `Lwt_rust.Stream.close`, or by
/// OCaml's collector, on any thread. When Rust drops a stream of OCaml's, OCaml closes it,
/// and what it waits for is cancelled.
pub struct LwtStream<T>(State<T>);

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

enum State<T> {
    /// A stream that Rust has made.
    Made(Boxed<T>),
    /// A stream that OCaml has made.
    Given(Pulled<T>),
    Ended,
}

impl<T: 'static> LwtStream<T> {
    /// The items of a Rust stream, which cannot fail.
    pub fn new<S>(stream: S) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
    {
        let stream = Mapped { stream, map: Ok };
        LwtStream(State::Made(Box::pin(stream)))
    }

    /// The items of a Rust stream, which ends after the first error.
    pub fn fallible<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        let map = |item: Result<T, E>| item.map_err(Into::into);
        LwtStream(State::Made(Box::pin(Mapped { stream, map })))
    }
}

impl<T> LwtStream<T> {
    /// Asks OCaml for up to `items` items at once. Those that OCaml has ready cross together,
    /// which takes less time for each, and Rust keeps them until they are polled. Dropping
    /// the stream drops them, too.
    ///
    /// It changes nothing for a stream that Rust has made.
    pub fn prefetch(mut self, items: usize) -> Self {
        if let State::Given(pulled) = &mut self.0 {
            pulled.prefetch(items);
        }
        self
    }
}

impl<T> Stream for LwtStream<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = match &mut self.0 {
            State::Made(stream) => ready!(stream.as_mut().poll_next(context)),
            State::Given(pulled) => ready!(pulled.poll_next(context)),
            State::Ended => None,
        };
        if !matches!(item, Some(Ok(_))) {
            self.0 = State::Ended;
        }
        Poll::Ready(item)
    }
}

// Nothing in it is pinned but what is in a box.
impl<T> Unpin for LwtStream<T> {}

impl<T> fmt::Debug for LwtStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Made(_) | State::Given(_) => "LwtStream(..)",
            State::Ended => "LwtStream(ended)",
        })
    }
}

pin_project_lite::pin_project! {
    /// A stream whose items go through a function.
    struct Mapped<S, F> {
        #[pin]
        stream: S,
        map: F,
    }
}

impl<S: Stream, F: FnMut(S::Item) -> R, R> Stream for Mapped<S, F> {
    type Item = R;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<R>> {
        let this = self.project();
        let item = ready!(this.stream.poll_next(context));
        Poll::Ready(item.map(this.map))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

/// `t Lwt_rust.Stream.t`
// SAFETY: the items of a stream that OCaml gives are read as `T`, and those that OCaml gets
// are made of a `T`. A stream that was made here is `'static`, and one that was given
// borrows nothing.
unsafe impl<T: OcamlType> OcamlType for LwtStream<T> {
    const TYPE: Type = Type::applied(&T::TYPE, "Lwt_rust.Stream.t");
}

impl<T: FromOcaml + Send> FromOcaml for LwtStream<T> {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller promises it.
        let pulled = unsafe { Pulled::of(value) }?;
        Ok(LwtStream(State::Given(pulled)))
    }
}

// SAFETY: the items are made of `T`s.
unsafe impl<T: IntoOcaml + Send + 'static> IntoOcaml for LwtStream<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        Source::new(self).into_ocaml(lock)
    }
}
