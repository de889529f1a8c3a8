//! The proof scenario.

use std::time::{Duration, Instant};

use lwt_rust::{Error, LwtFn};

lwt_rust::export! {
    /// Calls a Lwt closure again and again for a time, awaiting each promise,
    /// and returns the number of calls.
    async fn demo_call_for(step: LwtFn<(), ()>, seconds: f64) -> Result<u64, Error> {
        let limit = Duration::try_from_secs_f64(seconds)?;
        let start = Instant::now();
        let mut calls = 0;
        // The clock is read once in many calls: it is not what is shown here.
        while calls % 64 != 0 || start.elapsed() < limit {
            step.call(()).await?;
            calls += 1;
        }
        Ok(calls)
    }

    /// Calls a Lwt closure a number of times, awaiting each promise.
    async fn demo_call_times(step: LwtFn<(), ()>, times: u64) -> Result<(), Error> {
        for _ in 0..times {
            step.call(()).await?;
        }
        Ok(())
    }

    /// Calls a Lwt closure at every beat of a tokio interval, until it rejects
    /// or its promise is cancelled.
    async fn demo_every(period: f64, beat: LwtFn<(), ()>) -> Result<(), Error> {
        let period = Duration::try_from_secs_f64(period)?;
        if period.is_zero() {
            return Err(Error::message("the period of an interval must be positive"));
        }
        let mut interval = tokio::time::interval(period);
        loop {
            interval.tick().await;
            beat.call(()).await?;
        }
    }
}
