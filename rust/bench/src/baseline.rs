//! What a Rust thread has to do without us to reach the loop.

use std::sync::{
    LazyLock,
    mpsc::{Sender, channel},
};

use lwt_rust::Error;

unsafe extern "C" {
    /// Of Lwt's own stubs.
    fn lwt_unix_send_notification(id: libc::intptr_t);
}

/// A thread that sends the notifications whose numbers it gets.
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
