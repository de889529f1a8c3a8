//! Lwt_unix notifications: the way to the Lwt loop from any thread.

unsafe extern "C" {
    /// Of Lwt's own stubs, with this prototype in Lwt 5.7 to 6.1. It writes to
    /// an eventfd or pipe under a mutex.
    fn lwt_unix_send_notification(id: libc::intptr_t);
}

/// Makes the Lwt loop run the handler of a notification. Any thread may call
/// it; it does not wait for the loop.
pub(crate) fn notify(id: isize) {
    // SAFETY: `id` came from `Lwt_unix.make_notification` and is never stopped.
    // The function raises an OCaml exception only when the descriptor is gone,
    // which Lwt never closes while the process runs.
    unsafe { lwt_unix_send_notification(id) }
}
