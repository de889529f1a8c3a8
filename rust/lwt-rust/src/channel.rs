//! Channels, whose ends OCaml may have.
//!
//! They are those of the crate `async_channel`. Any thread may use an end, and an end may be
//! cloned. OCaml gets a [`Sender`] as a `Lwt_rust.Sink.t`, and a [`Receiver`] as a
//! `Lwt_rust.Stream.t`:
//!
//! ```
//! use lwt_rust::{channel, func};
//!
//! /// In OCaml: `val squares : int -> int Lwt_rust.Sink.t * int Lwt_rust.Stream.t`
//! #[func(tokio)]
//! fn squares(capacity: usize) -> (channel::Sender<i64>, channel::Receiver<i64>) {
//!     let (numbers, squared) = channel::bounded(capacity.max(1));
//!     let (results, squares) = channel::bounded(capacity.max(1));
//!     tokio::spawn(async move {
//!         while let Ok(number) = squared.recv().await {
//!             if results.send(number * number).await.is_err() {
//!                 break;
//!             }
//!         }
//!     });
//!     (numbers, squares)
//! }
//! # lwt_rust::library! { squares }
//! ```
//!
//! A function takes the ends of OCaml's channels, `Lwt_rust.Channel`, as an
//! [`LwtSink`] and an [`LwtStream`]. For a single value, use a
//! [`Promise`](crate::Promise).
//!
//! A channel is closed when all ends of one kind are gone, or by `close` of either end in
//! Rust. Then sending is an error, and receiving gives the items that are left, and then the
//! end. `Lwt_rust.Sink.close` and `Lwt_rust.Stream.close` drop the end that OCaml has.

pub use async_channel::{Receiver, Sender, bounded, unbounded};

use std::{
    future::ready,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    bindings::Type,
    convert::{FromOcaml, IntoOcaml, OcamlType},
    error::Error,
    ocaml::{Lock, Root, Val},
    sink::{LwtSink, Operation, Target, into_ocaml, read_item},
    stream::LwtStream,
};

/// `t Lwt_rust.Stream.t`
// SAFETY: as for `LwtStream`.
unsafe impl<T: OcamlType> OcamlType for Receiver<T> {
    const TYPE: Type = LwtStream::<T>::TYPE;
}

// SAFETY: as for `LwtStream`.
unsafe impl<T: IntoOcaml + Send + 'static> IntoOcaml for Receiver<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        LwtStream::new(self).into_ocaml(lock)
    }
}

/// `t Lwt_rust.Sink.t`
// SAFETY: as for `LwtSink`.
unsafe impl<T: OcamlType> OcamlType for Sender<T> {
    const TYPE: Type = LwtSink::<T>::TYPE;
}

// SAFETY: the items that OCaml sends are read as `T`s.
unsafe impl<T: FromOcaml + Send + 'static> IntoOcaml for Sender<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        into_ocaml(SendingEnd(Mutex::new(Some(self))), false, lock)
    }
}

/// A sender that OCaml holds, until OCaml closes it.
struct SendingEnd<T>(Mutex<Option<Sender<T>>>);

impl<T> SendingEnd<T> {
    fn lock(&self) -> MutexGuard<'_, Option<Sender<T>>> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<T: FromOcaml + Send + 'static> Target for SendingEnd<T> {
    fn send(self: Arc<Self>, item: Root, _flushes: bool) -> Operation {
        Box::pin(async move {
            let item = read_item(&item)?;
            let sender = self.lock().clone();
            match sender {
                Some(sender) => sender.send(item).await.map_err(|_| closed()),
                None => Err(closed()),
            }
        })
    }

    fn flush(self: Arc<Self>) -> Operation {
        Box::pin(ready(Ok(())))
    }

    fn close(self: Arc<Self>) -> Operation {
        let sender = self.lock().take();
        drop(sender);
        Box::pin(ready(Ok(())))
    }
}

#[cold]
fn closed() -> Error {
    Error::message("the channel is closed: nobody receives from it any more")
}

/// Makes a channel of OCaml's: its sink and its stream. Without a capacity it is unbounded.
pub(crate) fn of_ocaml(lock: &mut Lock, capacity: Option<usize>) -> Result<Val<'_>, Error> {
    let ends: (Sender<Root>, Receiver<Root>) = match capacity {
        Some(capacity) => bounded(capacity),
        None => unbounded(),
    };
    ends.into_ocaml(lock)
}
