//! Rust readers, which OCaml reads.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    ptr,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, ReadBuf};

use super::device::{Device, MOST_BYTES, Operation, Part, Worker};
use crate::{error::Error, runtime};

/// As many bytes as these are a sign that more are on their way.
const WIDE: usize = MOST_BYTES / 4;

pub(super) type BoxedRead = Pin<Box<dyn AsyncRead + Send>>;

/// The bytes that the first read asks for. A reader whose reads fill the buffer gets a
/// larger one, so that one that waits takes little memory.
const FIRST_BYTES: usize = 8_192;

/// A reader, and the bytes that it has read.
struct Source {
    reader: BoxedRead,
    buffer: Vec<u8>,
    /// How many bytes OCaml has taken.
    taken: usize,
    /// Whether the last read has got many bytes. Then the next one begins before OCaml asks
    /// for it.
    is_wide: bool,
    /// How the next read ends, if the reader has said so already.
    next: Option<io::Result<()>>,
}

impl Source {
    async fn read(mut self) -> (Self, io::Result<usize>) {
        self.taken = 0;
        let result = match self.next.take() {
            Some(result) => result.map(|()| 0),
            None => poll_fn(|context| self.poll_fill(context)).await,
        };
        if let Ok(count) = result {
            self.is_wide = count >= WIDE;
            if count == self.buffer.len() && count < MOST_BYTES {
                self.buffer.resize(2 * count, 0);
            }
        }
        (self, result)
    }

    /// Reads until nothing more is ready, or the buffer is full. If the reader ends or fails
    /// after some bytes, the next read says so.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let place = self.buffer.as_ptr();
        let mut into = ReadBuf::new(&mut self.buffer);
        loop {
            let before = into.filled().len();
            let polled = self.reader.as_mut().poll_read(context, &mut into);
            let is_ours = ptr::eq(into.filled().as_ptr(), place);
            assert!(
                is_ours,
                "a reader has put another ReadBuf in the place of its own"
            );
            let count = into.filled().len();
            match polled {
                Poll::Ready(Ok(())) if count > before && into.remaining() > 0 => {}
                Poll::Ready(Ok(())) if count > before => return Poll::Ready(Ok(count)),
                polled if count > 0 => {
                    if let Poll::Ready(result) = polled {
                        self.next = Some(result);
                    }
                    return Poll::Ready(Ok(count));
                }
                polled => return polled.map_ok(|()| 0),
            }
        }
    }

    /// Copies bytes that were read, of which `left` are left.
    fn take(&mut self, left: usize, part: &Part) -> (usize, bool) {
        let count = left.min(part.length);
        let bytes = &self.buffer[self.taken..self.taken + count];
        part.buffer.write(part.start, bytes);
        self.taken += count;
        (count, count == left)
    }
}

pub(super) struct Reader(Worker<Source>);

impl Reader {
    pub(super) fn new(reader: BoxedRead) -> Self {
        Reader(Worker::new(Source {
            reader,
            buffer: vec![0; FIRST_BYTES],
            taken: 0,
            is_wide: false,
            next: None,
        }))
    }
}

impl Device for Reader {
    fn poll_run(&self, _: &Part, context: &mut Context<'_>) -> Poll<()> {
        self.0.begin(Source::read);
        self.0.poll_ended(context)
    }

    fn take(&self, part: &Part) -> Result<usize, Error> {
        let mut is_wide = false;
        let taken = self.0.take(|source, left| {
            is_wide = source.is_wide;
            source.take(left, part)
        });
        if is_wide {
            runtime::in_context(|| self.0.begin(Source::read));
        }
        taken
    }

    fn close(self: Arc<Self>) -> Operation {
        Box::pin(async move {
            // What it has read, or its error, is of no use any more.
            drop(self.0.close(true).await);
            Ok(())
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}
