//! Sinks of OCaml's, which Rust fills.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{
    closure::LwtFn,
    convert::{FromOcaml, IntoOcaml, mismatch},
    error::Error,
    ocaml::Val,
    promise::Promise,
};

/// An OCaml sink. Dropping it closes the sink, if nothing else has.
pub(super) struct Given<T> {
    feed: LwtFn<(T,), ()>,
    /// `None` if there is never anything to flush.
    flush: Option<LwtFn<(), ()>>,
    close: LwtFn<(), ()>,
    // A function pointer, because only `of` knows that `T` is `IntoOcaml`.
    ask: fn(&LwtFn<(T,), ()>, T) -> Promise<()>,
    /// What OCaml is doing.
    asked: Option<Promise<()>>,
    /// The last thing that OCaml was asked for.
    last: Asked,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Feed,
    Flush,
    Close,
}

impl<T: IntoOcaml + Send> Given<T> {
    /// Reads a sink.
    ///
    /// # Safety
    ///
    /// The value is a sink of `T`s.
    pub(super) unsafe fn of(value: Val<'_>) -> Result<Self, Error> {
        let wrong = || mismatch("Lwt_rust.Sink.t");
        let field = |index| value.field(index).ok_or_else(wrong);
        if value.tag() != Some(0) {
            return Err(wrong());
        }
        let (feed, flush, close) = (field(0)?, field(1)?, field(2)?);
        let has_flush = field(3)?.as_int() == Some(1);
        // SAFETY: the fifth field of a sink is such a field: see `lib/sink.ml`.
        if unsafe { value.set_flag(4) }.ok_or_else(wrong)? {
            return Err(Error::message(
                "this sink was given to Rust before: give it Lwt_rust.Sink.lend of the sink",
            ));
        }
        Ok(Given {
            // SAFETY: the first fields of a sink are such functions.
            feed: unsafe { LwtFn::from_ocaml(feed) }?,
            // SAFETY: as above.
            flush: has_flush.then_some(unsafe { LwtFn::from_ocaml(flush) }?),
            // SAFETY: as above.
            close: unsafe { LwtFn::from_ocaml(close) }?,
            ask: |feed, item| feed.call((item,)),
            asked: None,
            last: Asked::Nothing,
        })
    }
}

impl<T> Given<T> {
    /// Waits until OCaml has done the last thing.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(Ok(()));
        };
        let done = ready!(Pin::new(asked).poll(context));
        self.asked = None;
        Poll::Ready(done)
    }

    pub(super) fn start_send(&mut self, item: T) -> Result<(), Error> {
        if self.last == Asked::Close {
            return Err(Error::message("this sink of OCaml's was closed before"));
        }
        self.last = Asked::Feed;
        self.asked = Some((self.ask)(&self.feed, item));
        Ok(())
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_ready(context))?;
        if self.last == Asked::Feed {
            self.last = Asked::Flush;
            self.asked = self.flush.as_ref().map(|flush| flush.call(()));
        }
        self.poll_ready(context)
    }

    pub(super) fn poll_close(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.last != Asked::Close {
            ready!(self.poll_flush(context))?;
            self.last = Asked::Close;
            self.asked = Some(self.close.call(()));
        }
        self.poll_ready(context)
    }
}

impl<T> Drop for Given<T> {
    fn drop(&mut self) {
        if self.last != Asked::Close {
            // First, OCaml cancels what the sink waits for.
            self.asked = None;
            self.close.tell();
        }
    }
}
