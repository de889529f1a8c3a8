//! Bytes that flow: channels of `Lwt_io`, which either side makes and the other one uses.

mod device;
mod given;
mod reader;
mod writer;

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use device::{Device, Part, device_of};

use crate::{
    bindings::Type,
    callbacks::Callback,
    convert::{FromOcaml, IntoOcaml, OcamlType},
    error::Error,
    ocaml::{Lock, Val},
};
use given::{GivenInput, GivenOutput};
use reader::{BoxedRead, Reader};
use writer::{BoxedWrite, Writer};

/// Bytes to read: `Lwt_io.input_channel` in OCaml.
///
/// As a result, it is any [`AsyncRead`] of Rust. A thread of tokio's reads it, when OCaml
/// reads the channel and its buffer is empty. If a read gets 64 KiB or more, the next one begins
/// at once, so the thread is at most 256 KiB ahead. Only the domain of the Lwt loop can use
/// the channel.
///
/// ```
/// use lwt_rust::{Error, LwtInput, func};
/// use tokio::net::TcpStream;
///
/// /// In OCaml: `val fetch : string -> Lwt_io.input_channel Lwt.t`
/// #[func]
/// async fn fetch(address: String) -> Result<LwtInput, Error> {
///     Ok(LwtInput::new(TcpStream::connect(address).await?))
/// }
/// # lwt_rust::library! { fetch }
/// ```
///
/// As an argument, it is a channel of OCaml's, and an [`AsyncRead`] in Rust, on any thread.
///
/// # The end
///
/// The end of the one is the end of the other, and the errors of the one are those of the
/// other: an [`io::Error`] of the system is `Unix.Unix_error`, and the other way round.
///
/// `Lwt_io.close` drops the Rust reader before its promise is resolved. A channel that is
/// unreachable is closed, too.
///
/// A channel of OCaml's belongs to OCaml: dropping the `LwtInput` cancels what it waits for,
/// and does not close the channel. Bytes that Rust has asked for, and has not read, are
/// dropped; it asks for no more than the reader has room for.
///
/// # Cancellation
///
/// If OCaml cancels a read, no byte is lost: the next read gets what the reader has read.
pub struct LwtInput(Input);

enum Input {
    /// A reader that Rust has made.
    Made(BoxedRead),
    /// A channel that OCaml has made.
    Given(GivenInput),
}

impl LwtInput {
    /// A Rust reader.
    pub fn new(reader: impl AsyncRead + Send + 'static) -> Self {
        LwtInput(Input::Made(Box::pin(reader)))
    }
}

impl AsyncRead for LwtInput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Input::Made(reader) => reader.as_mut().poll_read(context, into),
            Input::Given(channel) => channel.poll_read(context, into),
        }
    }
}

impl fmt::Debug for LwtInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LwtInput(..)")
    }
}

/// `Lwt_io.input_channel`
// SAFETY: the conversions below are those of this type. It borrows nothing.
unsafe impl OcamlType for LwtInput {
    const TYPE: Type = Type::named("Lwt_io.input_channel");
}

impl FromOcaml for LwtInput {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(LwtInput(Input::Given(GivenInput::of(value)?)))
    }
}

// SAFETY: `MakeInput` makes an input channel, and a given one was read as one.
unsafe impl IntoOcaml for LwtInput {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        match self.0 {
            Input::Made(reader) => {
                device::into_ocaml(Reader::new(reader), Callback::MakeInput, lock)
            }
            Input::Given(channel) => Ok(channel.value(lock)),
        }
    }
}

/// A place to write bytes to: `Lwt_io.output_channel` in OCaml.
///
/// As a result, it is any [`AsyncWrite`] of Rust. A thread of tokio's writes to it and
/// flushes it, when OCaml flushes the channel or its buffer is full. The promise of
/// `Lwt_io.flush` is resolved when Rust has taken all bytes. Only the domain of the Lwt loop
/// can use the channel.
///
/// As an argument, it is a channel of OCaml's, and an [`AsyncWrite`] in Rust, on any thread.
/// Bytes go to the channel's buffer; `flush` and `shutdown` wait until they have left it.
///
/// ```
/// use lwt_rust::{Error, LwtInput, LwtOutput, func};
/// use tokio::net::TcpStream;
///
/// /// In OCaml:
/// /// `val connect : string -> (Lwt_io.input_channel * Lwt_io.output_channel) Lwt.t`
/// #[func]
/// async fn connect(address: String) -> Result<(LwtInput, LwtOutput), Error> {
///     let (reader, writer) = TcpStream::connect(address).await?.into_split();
///     Ok((LwtInput::new(reader), LwtOutput::new(writer)))
/// }
/// # lwt_rust::library! { connect }
/// ```
///
/// # The end
///
/// Errors are as for [`LwtInput`]. `Lwt_io.close` flushes the channel, shuts the writer down
/// and drops it; so it ends one direction of a connection. If a channel is unreachable, a
/// write that is under way is finished, and the writer is dropped.
///
/// A channel of OCaml's belongs to OCaml: `shutdown` closes it, and dropping the `LwtOutput`
/// does not. OCaml sends the bytes that were not flushed when it has time. If it cannot, only
/// `flush` and `shutdown` say so; so end with one of them.
///
/// If a Rust writer fails after a part of the bytes, OCaml gets the error. When OCaml flushes
/// the channel again, the writer gets the bytes after those that it has written.
///
/// # Cancellation
///
/// If OCaml cancels a write, the bytes that are under way are written, and no byte is written
/// twice.
pub struct LwtOutput(Output);

enum Output {
    /// A writer that Rust has made.
    Made(BoxedWrite),
    /// A channel that OCaml has made.
    Given(GivenOutput),
}

impl LwtOutput {
    /// A Rust writer.
    pub fn new(writer: impl AsyncWrite + Send + 'static) -> Self {
        LwtOutput(Output::Made(Box::pin(writer)))
    }
}

impl AsyncWrite for LwtOutput {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Output::Made(writer) => writer.as_mut().poll_write(context, bytes),
            Output::Given(channel) => channel.poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Output::Made(writer) => writer.as_mut().poll_flush(context),
            Output::Given(channel) => channel.poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Output::Made(writer) => writer.as_mut().poll_shutdown(context),
            Output::Given(channel) => channel.poll_shutdown(context),
        }
    }
}

impl fmt::Debug for LwtOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LwtOutput(..)")
    }
}

/// `Lwt_io.output_channel`
// SAFETY: as for `LwtInput`.
unsafe impl OcamlType for LwtOutput {
    const TYPE: Type = Type::named("Lwt_io.output_channel");
}

impl FromOcaml for LwtOutput {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        Ok(LwtOutput(Output::Given(GivenOutput::of(value)?)))
    }
}

// SAFETY: `MakeOutput` makes an output channel, and a given one was read as one.
unsafe impl IntoOcaml for LwtOutput {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        match self.0 {
            Output::Made(writer) => {
                device::into_ocaml(Writer::new(writer), Callback::MakeOutput, lock)
            }
            Output::Given(channel) => Ok(channel.value(lock)),
        }
    }
}
