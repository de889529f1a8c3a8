//! Channels of `Lwt_io`: readers and writers that Rust makes, and channels that it uses.

use std::{
    io,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll},
};

use lwt_rust::{Error, LwtInput, LwtOutput, func};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex},
    net::{TcpListener, TcpStream, UnixStream},
};

/// The two ends of a pipe of Rust's, which holds `capacity` bytes.
#[func(tokio)]
pub(crate) fn pipe(capacity: usize) -> (LwtInput, LwtOutput) {
    let (reader, writer) = duplex(capacity);
    (LwtInput::new(reader), LwtOutput::new(writer))
}

/// A connection.
#[func]
pub(crate) async fn connect(port: u16) -> Result<(LwtInput, LwtOutput), Error> {
    let (reader, writer) = TcpStream::connect(("127.0.0.1", port)).await?.into_split();
    Ok((LwtInput::new(reader), LwtOutput::new(writer)))
}

/// Gives back what one connection sends, to its end. Returns the port at once.
#[func]
pub(crate) async fn echo_server() -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        if let Ok((mut connection, _)) = listener.accept().await {
            let (mut reader, mut writer) = connection.split();
            if tokio::io::copy(&mut reader, &mut writer).await.is_ok() {
                let _ = writer.shutdown().await;
            }
        }
    });
    Ok(port)
}

/// Copies all bytes, and closes the output.
#[func]
pub(crate) async fn copy(mut input: LwtInput, mut output: LwtOutput) -> Result<u64, Error> {
    let count = tokio::io::copy(&mut input, &mut output).await?;
    output.shutdown().await?;
    Ok(count)
}

/// The same on a thread of tokio's.
#[func]
pub(crate) async fn copy_on_tokio(
    mut input: LwtInput,
    mut output: LwtOutput,
) -> Result<u64, Error> {
    lwt_rust::spawn_scoped(async move {
        let count = tokio::io::copy(&mut input, &mut output).await?;
        output.shutdown().await?;
        Ok::<_, Error>(count)
    })
    .await?
}

/// Reads so many bytes, and leaves the others to OCaml.
#[func]
pub(crate) async fn read_some(mut input: LwtInput, count: usize) -> Result<Box<[u8]>, Error> {
    let mut bytes = vec![0; count];
    input.read_exact(&mut bytes).await?;
    Ok(bytes.into())
}

/// Writes bytes and flushes them.
#[func]
pub(crate) async fn write_some(mut output: LwtOutput, bytes: Box<[u8]>) -> Result<(), Error> {
    output.write_all(&bytes).await?;
    output.flush().await?;
    Ok(())
}

/// Gives a channel back.
#[func]
pub(crate) fn same_channel(input: LwtInput) -> LwtInput {
    input
}

/// What is known of an error that a channel of OCaml's gives.
#[func]
pub(crate) async fn kind_of_error(mut input: LwtInput) -> String {
    match input.read_u8().await {
        Ok(_) => "no error".into(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// The descriptor of one end of a pipe, of which Rust keeps the other end. It writes `text`.
#[func]
pub(crate) async fn written_to_a_descriptor(text: String) -> Result<OwnedFd, Error> {
    let (ours, theirs) = UnixStream::pair()?;
    tokio::spawn(async move {
        let mut ours = ours;
        // If the reader has gone, there is nothing to do.
        let _ = ours.write_all(text.as_bytes()).await;
    });
    Ok(theirs.into_std()?.into())
}

/// Reads a descriptor to its end.
#[func]
pub(crate) async fn read_descriptor(descriptor: OwnedFd) -> Result<String, Error> {
    let socket = std::os::unix::net::UnixStream::from(descriptor);
    socket.set_nonblocking(true)?;
    let mut text = String::new();
    UnixStream::from_std(socket)?
        .read_to_string(&mut text)
        .await?;
    Ok(text)
}

/// How many readers and writers of `Scripted` there are.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// How many scripted readers and writers there are.
#[func]
pub(crate) fn devices_alive() -> i64 {
    ALIVE.load(Ordering::SeqCst)
}

/// A reader and writer that does what `does` says; anything else: it waits for ever.
struct Scripted {
    does: String,
}

impl Scripted {
    fn new(does: String) -> Self {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Scripted { does }
    }

    fn result(&self) -> Poll<io::Result<()>> {
        match &*self.does {
            "panics" => panic!("a device panics"),
            "fails" => Poll::Ready(Err(io::Error::other("a device fails"))),
            "is reset" => Poll::Ready(Err(io::Error::from_raw_os_error(libc::ECONNRESET))),
            "ends" => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.result()
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        // If it ends, it takes no byte.
        self.result().map_ok(|()| 0)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.does {
            "fails when closed" => Poll::Ready(Err(io::Error::other("it is not closed"))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// A reader that does what it is told.
#[func]
pub(crate) fn scripted_input(does: String) -> LwtInput {
    LwtInput::new(Scripted::new(does))
}

/// A reader that has `text` at once, and then does what it is told.
#[func]
pub(crate) fn scripted_after(text: String, does: String) -> LwtInput {
    LwtInput::new(io::Cursor::new(text).chain(Once(Scripted::new(does), false)))
}

/// A reader of which the first read counts. Later ones end.
struct Once(Scripted, bool);

impl AsyncRead for Once {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match std::mem::replace(&mut self.1, true) {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.0).poll_read(context, into),
        }
    }
}

/// A writer that does what it is told.
#[func]
pub(crate) fn scripted_output(does: String) -> LwtOutput {
    LwtOutput::new(Scripted::new(does))
}

/// A writer that takes four bytes at a time, and fails once: when it is asked to write for the
/// third time, or to flush.
struct Failing {
    at_flush: bool,
    calls: u8,
}

/// What it has written.
static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

impl AsyncWrite for Failing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.calls = self.calls.saturating_add(1);
        if !self.at_flush && self.calls == 3 {
            return Poll::Ready(Err(io::Error::from_raw_os_error(libc::ENOBUFS)));
        }
        let count = bytes.len().min(4);
        WRITTEN.lock().unwrap().extend(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let fails = std::mem::take(&mut self.at_flush);
        Poll::Ready(match fails {
            true => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            false => Ok(()),
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A writer that fails once.
#[func]
pub(crate) fn failing_output(at_flush: bool) -> LwtOutput {
    LwtOutput::new(Failing { at_flush, calls: 0 })
}

/// What the writers of `failing_output` have written since this was last called.
#[func]
pub(crate) fn written() -> Box<[u8]> {
    std::mem::take(&mut *WRITTEN.lock().unwrap()).into()
}

/// A reader that puts another buffer in the place of its own: one with `length` bytes.
struct Swapping {
    length: usize,
}

impl AsyncRead for Swapping {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        *into = ReadBuf::new(vec![b'x'; self.length].leak());
        into.set_filled(self.length);
        Poll::Ready(Ok(()))
    }
}

/// A reader that puts another buffer in the place of its own.
#[func]
pub(crate) fn swapping_input(length: usize) -> LwtInput {
    LwtInput::new(Swapping { length })
}

/// Writes to a channel of OCaml's, and drops it, on a thread of tokio's if `elsewhere`.
#[func]
pub(crate) async fn write_and_drop(
    mut output: LwtOutput,
    bytes: Box<[u8]>,
    elsewhere: bool,
) -> Result<(), Error> {
    let write = async move { output.write_all(&bytes).await };
    match elsewhere {
        true => tokio::spawn(write).await.map_err(io::Error::from)??,
        false => write.await?,
    }
    Ok(())
}

/// A reader of numbers, each of which has a byte, and how many of them were read.
struct Endless;

static READ: AtomicI64 = AtomicI64::new(0);

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = into.remaining();
        into.initialize_unfilled().fill(b'x');
        into.advance(count);
        READ.fetch_add(count as i64, Ordering::SeqCst);
        Poll::Ready(Ok(()))
    }
}

/// A reader that never ends.
#[func]
pub(crate) fn endless() -> LwtInput {
    LwtInput::new(Endless)
}

/// How many bytes the endless readers have given.
#[func]
pub(crate) fn bytes_read() -> i64 {
    READ.load(Ordering::SeqCst)
}
