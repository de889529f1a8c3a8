//! Functions that log.

use std::{
    error::Error,
    fmt,
    num::ParseIntError,
    sync::atomic::{AtomicUsize, Ordering},
};

use lwt_rust::func;
use tokio::task::JoinError;
use tracing_subscriber::layer::SubscriberExt;

/// Logs one record of each level, by the crate `log`.
#[func]
pub(crate) fn log_all() {
    log::error!(target: "shop::log", "an error");
    log::warn!(target: "shop::log", "a warning");
    log::info!(target: "shop::log", "an info of {}", 5);
    log::debug!(target: "shop::log", "a debug");
    log::trace!(target: "shop::log", "a trace");
}

fn trace_all() {
    tracing::error!(target: "shop::events", "an error");
    tracing::warn!(target: "shop::events", "a warning");
    tracing::info!(target: "shop::events", "an info of {}", 5);
    tracing::debug!(target: "shop::events", "a debug");
    tracing::trace!(target: "shop::events", "a trace");
}

/// The same by the crate `tracing`.
#[func]
pub(crate) fn trace_all_here() {
    trace_all();
}

/// The same on a thread of tokio's.
#[func]
pub(crate) async fn trace_all_on_tokio() -> Result<(), JoinError> {
    tokio::spawn(async { trace_all() }).await
}

#[derive(Debug)]
struct Outer(ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no number")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Logs fields of all kinds within two spans.
#[func]
pub(crate) fn trace_fields() {
    let outer =
        tracing::info_span!(target: "shop", "request", id = 3, user = tracing::field::Empty);
    outer.record("user", "ann");
    let _outer = outer.entered();
    let _hidden = tracing::trace_span!(target: "shop", "hidden", secret = true).entered();
    let _inner = tracing::info_span!(target: "shop", "query").entered();
    if let Err(error) = "x".parse::<u8>() {
        let error = Outer(error);
        let error: &(dyn Error + 'static) = &error;
        tracing::info!(
            target: "shop",
            text = "a b",
            number = -2,
            large = u64::MAX,
            is_new = true,
            float = 0.5,
            list = ?[1, 2],
            r#type = "raw",
            error,
            "sent"
        );
    }
    tracing::info!(target: "shop", only = 1);
}

static SHOWN: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SHOWN.fetch_add(1, Ordering::Relaxed);
        f.write_str("counted")
    }
}

/// Logs values that count how often they are shown. Returns that number.
#[func]
pub(crate) fn log_counted() -> usize {
    SHOWN.store(0, Ordering::Relaxed);
    log::info!(target: "shop", "{Counted}");
    tracing::info!(target: "shop", "{Counted}");
    tracing::info!(target: "shop", field = %Counted);
    SHOWN.load(Ordering::Relaxed)
}

/// Logs one record with this target.
#[func]
pub(crate) fn log_to(target: String, text: String) {
    log::info!(target: &target, "{text}");
}

/// Logs many records, each with its number.
#[func]
pub(crate) fn log_many(count: usize) {
    for number in 0..count {
        log::info!(target: "shop", "{number}");
    }
}

/// Logs many records on tokio's threads.
#[func]
pub(crate) async fn log_many_on_tokio(count: usize, tasks: usize) -> Result<(), JoinError> {
    let log = |task| async move {
        for number in 0..count {
            log::info!(target: "shop", "{task} {number}");
            tokio::task::yield_now().await;
        }
    };
    let tasks: Vec<_> = (0..tasks).map(|task| tokio::spawn(log(task))).collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}

#[derive(Debug)]
struct Failing;

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

impl Error for Failing {}

/// Logs values whose `Display` fails.
#[func]
pub(crate) fn log_failing() {
    log::info!(target: "shop", "log {Failing}");
    let span = tracing::info_span!(target: "shop", "span", field = %Failing);
    let error: &(dyn Error + 'static) = &Failing;
    tracing::info!(target: "shop", parent: &span, error, "tracing {Failing}");
}

/// Logs within a span, for a subscriber that has our layer twice.
#[func]
pub(crate) fn trace_in_two_layers() {
    let subscriber = tracing_subscriber::registry()
        .with(lwt_rust::logs::layer())
        .with(lwt_rust::logs::layer());
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!(target: "shop", "span", id = 1).entered();
        tracing::info!(target: "shop", "twice");
    });
}
