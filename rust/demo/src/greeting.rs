//! The function of the README's example.

use std::time::Duration;

/// Greets, after a while spent on one of tokio's timers.
#[lwt_rust::func]
pub(crate) async fn greet(name: String, delay: Duration) -> String {
    tokio::time::sleep(delay).await;
    format!("Hello, {name}!")
}
