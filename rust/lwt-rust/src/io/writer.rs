//! Rust writers, to which OCaml writes.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use super::device::{Device, Operation, Part, Worker};
use crate::error::Error;

pub(super) type BoxedWrite = Pin<Box<dyn AsyncWrite + Send>>;

/// A writer, and the bytes that it writes.
struct Target {
    writer: BoxedWrite,
    bytes: Vec<u8>,
    /// How many of the bytes were written before the writer failed. `Lwt_io` keeps all bytes
    /// of an operation that has failed, at the beginning of its buffer, and the next operation
    /// gets them again.
    written: usize,
}

impl Target {
    /// Writes all bytes. Returns how many there were.
    async fn write(mut self) -> (Self, io::Result<usize>) {
        let result = self.write_all().await;
        (self, result)
    }

    async fn write_all(&mut self) -> io::Result<usize> {
        let writer = &mut self.writer;
        while let rest @ [_, ..] = self.bytes.get(self.written..).unwrap_or_default() {
            let count = poll_fn(|context| writer.as_mut().poll_write(context, rest)).await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            assert!(count <= rest.len(), "a writer has written more than it got");
            self.written += count;
        }
        poll_fn(|context| writer.as_mut().poll_flush(context)).await?;
        self.written = 0;
        Ok(self.bytes.len())
    }

    async fn shut_down(mut self) -> io::Result<()> {
        poll_fn(|context| self.writer.as_mut().poll_shutdown(context)).await
    }
}

pub(super) struct Writer(Worker<Target>);

impl Writer {
    pub(super) fn new(writer: BoxedWrite) -> Self {
        Writer(Worker::new(Target {
            writer,
            bytes: Vec::new(),
            written: 0,
        }))
    }
}

impl Device for Writer {
    fn poll_run(&self, part: &Part, context: &mut Context<'_>) -> Poll<()> {
        let write = |mut target: Target| {
            target.bytes.resize(part.length, 0);
            part.buffer.read(part.start, &mut target.bytes);
            target.write()
        };
        self.0.begin(write);
        self.0.poll_ended(context)
    }

    // The bytes may be those of an earlier operation, for whose result OCaml has not waited.
    // `Lwt_io` keeps such bytes at the beginning of its buffer.
    fn take(&self, _: &Part) -> Result<usize, Error> {
        self.0.take(|_, count| (count, true))
    }

    fn close(self: Arc<Self>) -> Operation {
        Box::pin(async move {
            let (target, result) = self.0.close(false).await?;
            result?;
            Ok(target.shut_down().await?)
        })
    }
}
