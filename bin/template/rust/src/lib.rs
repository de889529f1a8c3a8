//! The Rust functions of my-project.

use std::time::Duration;

lwt_rust::library![greet];

/// Greets, after a while spent on one of tokio's timers.
#[lwt_rust::func]
async fn greet(name: String, delay: Duration) -> String {
    tokio::time::sleep(delay).await;
    format!("Hello, {name}!")
}
