//! The proof scenario.

use std::time::{Duration, Instant};

use lwt_rust::{Error, LwtFn, func};

/// Calls a Lwt closure again and again until `time` has passed, and awaits each promise.
/// Returns the number of calls.
#[func]
pub(crate) async fn call_for(step: LwtFn<(), ()>, time: Duration) -> Result<u64, Error> {
    let start = Instant::now();
    let mut calls = 0;
    // The clock is read only once in 64 calls, since reading it takes time too.
    while calls % 64 != 0 || start.elapsed() < time {
        step.call(()).await?;
        calls += 1;
    }
    Ok(calls)
}

/// Calls a Lwt closure a number of times, and awaits each promise.
#[func]
pub(crate) async fn call_times(step: LwtFn<(), ()>, times: u64) -> Result<(), Error> {
    for _ in 0..times {
        step.call(()).await?;
    }
    Ok(())
}

/// Calls a Lwt closure at every beat of a tokio interval, until it rejects or its
/// promise is cancelled.
#[func]
pub(crate) async fn every(period: Duration, beat: LwtFn<(), ()>) -> Result<(), Error> {
    if period.is_zero() {
        return Err(Error::message("the period of an interval must be positive"));
    }
    let mut interval = tokio::time::interval(period);
    loop {
        interval.tick().await;
        beat.call(()).await?;
    }
}
