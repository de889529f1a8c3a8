//! Channels of OCaml's, which Rust uses.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::ReadBuf;

use super::device::MOST_BYTES;
use crate::{
    callbacks::{Callback, callback},
    convert::{FromOcaml, IntoOcaml, mismatch},
    domain::{Ask, Function, Handle, Returns},
    error::{Error, uninitialised},
    ocaml::{Lock, Root, Val},
    promise::Promise,
};

/// A channel of either direction. OCaml uses it in the context of the call that it was given
/// to, as it does a closure.
struct Channel {
    /// In place of a closure there is the channel.
    function: Arc<Function>,
    handle: Handle,
}

impl Channel {
    fn of(value: Val<'_>) -> Result<Self, Error> {
        if value.tag() != Some(0) {
            return Err(mismatch("a channel of Lwt_io"));
        }
        Ok(Channel {
            function: Arc::new(Function::new(Root::new(value), Returns::Promise)),
            handle: Handle::of_this_thread()?,
        })
    }

    /// Calls one of OCaml's functions, with the channel and an argument.
    fn call<A, B>(&self, function: Callback, argument: A) -> Promise<B>
    where
        A: IntoOcaml + Send,
        B: FromOcaml + Send,
    {
        let channel = self.function.clone();
        let ask = move |lock: &mut Lock| {
            let argument = Root::new(argument.into_ocaml(lock)?);
            let pair = Root::new(lock.block(0, &[channel.closure(), &argument]));
            let function =
                channel.of_the_same_code(callback(function, lock).ok_or_else(uninitialised)?);
            Ok(Ask::Call(Arc::new(function), pair))
        };
        // SAFETY: the closure holds roots, which borrow nothing, and an argument that can be
        // converted.
        unsafe { Promise::asked(self.handle, ask) }
    }

    fn value<'l>(&self, lock: &'l Lock) -> Val<'l> {
        self.function.closure().get(lock)
    }
}

pub(super) struct GivenInput {
    channel: Channel,
    /// The bytes that OCaml was asked for.
    asked: Option<Promise<Box<[u8]>>>,
    /// The bytes that have come, and how many of them were read.
    bytes: Box<[u8]>,
    read: usize,
}

impl GivenInput {
    pub(super) fn of(value: Val<'_>) -> Result<Self, Error> {
        Ok(GivenInput {
            channel: Channel::of(value)?,
            asked: None,
            bytes: Box::default(),
            read: 0,
        })
    }

    pub(super) fn value<'l>(&self, lock: &'l Lock) -> Val<'l> {
        self.channel.value(lock)
    }

    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read == self.bytes.len() && into.remaining() > 0 {
            let most = into.remaining().min(MOST_BYTES);
            let channel = &self.channel;
            let asked = self
                .asked
                .get_or_insert_with(|| channel.call(Callback::ReadInput, most));
            let came = ready!(Pin::new(asked).poll(context));
            self.asked = None;
            (self.bytes, self.read) = (came?, 0);
        }
        let count = into.remaining().min(self.bytes.len() - self.read);
        into.put_slice(&self.bytes[self.read..self.read + count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

pub(super) struct GivenOutput {
    channel: Channel,
    /// What OCaml is doing.
    asked: Option<Promise<()>>,
    /// The last thing that OCaml was asked for.
    last: Option<Callback>,
}

impl GivenOutput {
    pub(super) fn of(value: Val<'_>) -> Result<Self, Error> {
        Ok(GivenOutput {
            channel: Channel::of(value)?,
            asked: None,
            last: None,
        })
    }

    pub(super) fn value<'l>(&self, lock: &'l Lock) -> Val<'l> {
        self.channel.value(lock)
    }

    /// Waits until OCaml has done the last thing.
    fn poll_done(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(asked) = &mut self.asked else {
            return Poll::Ready(Ok(()));
        };
        let done = ready!(Pin::new(asked).poll(context));
        self.asked = None;
        Poll::Ready(Ok(done?))
    }

    fn ask<A: IntoOcaml + Send>(&mut self, function: Callback, argument: A) {
        self.asked = Some(self.channel.call(function, argument));
        self.last = Some(function);
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_done(context))?;
        let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
        if !bytes.is_empty() {
            self.ask(Callback::WriteOutput, Box::<[u8]>::from(bytes));
        }
        Poll::Ready(Ok(bytes.len()))
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_done(context))?;
        if self.last == Some(Callback::WriteOutput) {
            self.ask(Callback::FlushOutput, ());
        }
        self.poll_done(context)
    }

    pub(super) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_done(context))?;
        if self.last != Some(Callback::CloseOutput) {
            self.ask(Callback::CloseOutput, ());
        }
        self.poll_done(context)
    }
}

impl Drop for GivenOutput {
    fn drop(&mut self) {
        // OCaml goes on with a write. Otherwise it would cancel it in the middle.
        if let (Some(asked), Some(Callback::WriteOutput)) = (self.asked.take(), self.last) {
            asked.detach();
        }
    }
}
