//! How a Rust thread wakes the Lwt loop without lwt_rust: the baseline of the benchmark.

use std::sync::{
    LazyLock,
    mpsc::{Sender, channel},
};

use lwt_rust::Error;

unsafe extern "C" {
    /// A stub of Lwt.
    fn lwt_unix_send_notification(id: libc::intptr_t);
}

/// The sender of numbers to a thread, which sends the notifications with these numbers.
static THREAD: LazyLock<Sender<isize>> = LazyLock::new(|| {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for id in receiver {
            // SAFETY: `id` came from `Lwt_unix.make_notification`, and the
            // function takes any number.
            unsafe { lwt_unix_send_notification(id) }
        }
    });
    sender
});

pub(crate) fn notify_from_thread(id: isize) -> Result<(), Error> {
    Ok(THREAD.send(id)?)
}
