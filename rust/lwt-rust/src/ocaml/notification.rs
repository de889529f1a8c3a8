//! Two requests that any thread may make to OCaml: to run a handler in the Lwt loop, and
//! to say whether a signal waits for its handler.

unsafe extern "C" {
    /// A stub of Lwt, with this prototype in Lwt 5.7 to 6.1. It writes to an eventfd or
    /// pipe under a mutex.
    fn lwt_unix_send_notification(id: libc::intptr_t);

    /// A function of OCaml's runtime, with this prototype in OCaml 5.1 to 5.4. It reads a
    /// few atomic words.
    fn caml_check_pending_signals() -> libc::c_int;
}

/// Makes the Lwt loop run the handler of notification `id`. Any thread may call it. It
/// does not wait for the loop.
pub(crate) fn notify(id: isize) {
    // SAFETY: `id` came from `Lwt_unix.make_notification` and is never stopped. The
    // function raises an OCaml exception only if its descriptor is closed, and Lwt never
    // closes that descriptor while the process runs.
    unsafe { lwt_unix_send_notification(id) }
}

/// Whether OCaml has noted a signal whose handler has not run yet. Any thread may call
/// it; it does not block.
pub(crate) fn has_signals() -> bool {
    // SAFETY: the function wants neither a lock nor a thread that OCaml knows.
    unsafe { caml_check_pending_signals() != 0 }
}
