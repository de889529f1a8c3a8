//! Streams of OCaml's, which Rust pulls.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    vec::IntoIter,
};

use crate::{
    bindings::Type,
    closure::LwtFn,
    convert::{FromOcaml, OcamlType, error_in, mismatch, read_elements},
    error::Error,
    ocaml::Val,
    promise::Promise,
};

/// An array of items, or the errors of those that do not fit. A `Box<[T]>` would be `bytes`
/// for `u8`, and one error for all items.
struct Items<T>(Vec<Result<T, Error>>);

// SAFETY: it is read as an array of `T`s, and borrows nothing.
unsafe impl<T: OcamlType> OcamlType for Items<T> {
    const TYPE: Type = Type::array(&T::TYPE);
}

impl<T: FromOcaml> FromOcaml for Items<T> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // SAFETY: the caller promises it.
        unsafe { read_elements(value) }.map(Items)
    }
}

/// The function that pulls items: it takes the greatest number of them, and gives at least
/// one, or none at the end.
type PullItems<T> = LwtFn<usize, Items<T>>;

/// The most items that OCaml gives at once.
const MOST_ITEMS: usize = 256;

/// An OCaml stream. Dropping it before its end closes the stream.
pub(super) struct Pulled<T> {
    pull: PullItems<T>,
    close: LwtFn<(), ()>,
    // A function pointer, because only `of` knows that `T` is `FromOcaml`.
    ask: fn(&PullItems<T>, usize) -> Promise<Items<T>>,
    /// The items that have been asked for.
    asked: Option<Promise<Items<T>>>,
    /// The items that have come.
    items: IntoIter<Result<T, Error>>,
    prefetch: usize,
    has_ended: bool,
}

impl<T: FromOcaml + Send> Pulled<T> {
    /// Reads a stream.
    ///
    /// # Safety
    ///
    /// The value is a stream of `T`s.
    pub(super) unsafe fn of(value: Val<'_>) -> Result<Self, Error> {
        let wrong = || mismatch("Lwt_rust.Stream.t");
        let field = |index| value.field(index).ok_or_else(wrong);
        if value.tag() != Some(0) {
            return Err(wrong());
        }
        let (pull, close) = (field(0)?, field(1)?);
        // SAFETY: the third field of a stream is such a field: see `lib/stream.ml`.
        if unsafe { value.set_flag(2) }.ok_or_else(wrong)? {
            return Err(Error::message(
                "this stream was given to Rust before: give it Lwt_rust.Stream.lend of the stream",
            ));
        }
        Ok(Pulled {
            // SAFETY: the first field of a stream is such a function.
            pull: unsafe { LwtFn::from_ocaml(pull) }?,
            // SAFETY: as for the first field.
            close: unsafe { LwtFn::from_ocaml(close) }?,
            ask: |pull, items| pull.call(items),
            asked: None,
            items: Vec::new().into_iter(),
            prefetch: 1,
            has_ended: false,
        })
    }
}

impl<T> Pulled<T> {
    pub(super) fn prefetch(&mut self, items: usize) {
        self.prefetch = items.clamp(1, MOST_ITEMS);
    }

    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<T, Error>>> {
        loop {
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(item.map_err(does_not_fit)));
            }
            let asked = self
                .asked
                .get_or_insert_with(|| (self.ask)(&self.pull, self.prefetch));
            let items = ready!(Pin::new(asked).poll(context));
            self.asked = None;
            match items {
                Ok(Items(items)) if items.is_empty() => {
                    self.has_ended = true;
                    return Poll::Ready(None);
                }
                Ok(Items(items)) => self.items = items.into_iter(),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

#[cold]
fn does_not_fit(error: Error) -> Error {
    error_in("an item of a stream", error)
}

impl<T> Drop for Pulled<T> {
    fn drop(&mut self) {
        // First, OCaml cancels what the stream waits for.
        self.asked = None;
        if !self.has_ended {
            self.close.tell();
        }
    }
}
