//! The function of the README's example.

use std::time::Duration;

lwt_rust::export! {
    /// Greets, after a while spent on one of tokio's timers.
    async fn demo_greet(name: String, seconds: f64) -> Result<String, lwt_rust::Error> {
        tokio::time::sleep(Duration::try_from_secs_f64(seconds)?).await;
        Ok(format!("Hello, {name}!"))
    }
}
