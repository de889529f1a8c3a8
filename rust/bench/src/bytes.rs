//! Connections that carry many bytes.

use std::{
    hint::black_box,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream as Blocking},
    thread,
};

use lwt_rust::{Error, LwtInput, LwtOutput, SharedBytes, func};
use tokio::net::TcpStream;

/// Serves one connection, on a thread of its own. Returns the port.
fn serve(handle: impl FnOnce(Blocking) -> io::Result<()> + Send + 'static) -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::Builder::new().spawn(move || {
        // The other side notices a failure.
        let _ = listener
            .accept()
            .and_then(|(connection, _)| handle(connection));
    })?;
    Ok(port)
}

/// A server that sends so many bytes.
#[func]
pub(crate) fn sending_server(bytes: u64) -> Result<u16, Error> {
    serve(move |mut connection| {
        let chunk = vec![b'x'; 1 << 18];
        let mut left = bytes;
        while left > 0 {
            let count = left.min(chunk.len() as u64);
            connection.write_all(&chunk[..count as usize])?;
            left -= count;
        }
        Ok(())
    })
}

/// A server that reads so many bytes, and then sends one.
#[func]
pub(crate) fn receiving_server(bytes: u64) -> Result<u16, Error> {
    serve(move |mut connection| {
        let mut chunk = vec![0; 1 << 18];
        let mut left = bytes;
        while left > 0 {
            left -= connection.read(&mut chunk)? as u64;
        }
        connection.write_all(b"x")
    })
}

/// A connection of tokio's.
#[func]
pub(crate) async fn connect(port: u16) -> Result<(LwtInput, LwtOutput), Error> {
    let (reader, writer) = TcpStream::connect(("127.0.0.1", port)).await?.into_split();
    Ok((LwtInput::new(reader), LwtOutput::new(writer)))
}

/// Takes bytes, and looks at the first.
#[func]
pub(crate) async fn take(bytes: SharedBytes) {
    black_box(bytes.first());
}

/// Gives bytes back.
#[func]
pub(crate) async fn give_back(bytes: SharedBytes) -> SharedBytes {
    bytes
}

/// The processor time of the calling thread, in seconds.
#[func]
pub(crate) fn thread_time() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the system writes the time to this place.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
