//! Functions that hold their domain.

use std::{thread, time::Duration};

use lwt_rust::func;

fn hold(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

#[func]
pub(crate) fn hold_in_function(milliseconds: u64) {
    hold(milliseconds);
}

#[func]
pub(crate) async fn hold_at_first(milliseconds: u64) {
    hold(milliseconds);
}

/// The second poll holds the domain.
#[func]
pub(crate) async fn hold_later(milliseconds: u64) {
    tokio::task::yield_now().await;
    hold(milliseconds);
}

#[func(blocking)]
pub(crate) fn hold_a_thread(milliseconds: u64) {
    hold(milliseconds);
}

#[func]
pub(crate) fn spawn_holding(milliseconds: u64) {
    lwt_rust::spawn(async move { hold(milliseconds) }).detach();
}

/// A task of tokio's that never ends.
#[func]
pub(crate) async fn leave_on_tokio() {
    tokio::spawn(std::future::pending::<()>());
}
