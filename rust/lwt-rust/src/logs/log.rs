//! Records of the crate `log`.

use std::{
    borrow::ToOwned,
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use log::{LevelFilter, Log, Metadata};

use super::{
    Level,
    records::{Record, are_wanted, send, text},
    tracing,
};
use crate::error::Error;

struct Logger;

/// Whether `Logger` is the logger of the process.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

fn level_of(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warning,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        are_wanted(level_of(metadata.level()), metadata.target())
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let file = record.file().map(ToOwned::to_owned);
        send(Record {
            level: level_of(record.level()),
            target: record.target().to_owned(),
            message: text(*record.args()),
            fields: Vec::new(),
            spans: Vec::new(),
            location: file.zip(record.line()),
            time: SystemTime::now(),
        });
    }

    fn flush(&self) {}
}

/// Makes this the logger of the process.
///
/// # Errors
///
/// If the program has another one, which does not give the records to `tracing` and so to our
/// layer.
pub(super) fn install() -> Result<(), Error> {
    if log::set_logger(&Logger).is_ok() {
        IS_INSTALLED.store(true, Ordering::Relaxed);
    }
    match IS_INSTALLED.load(Ordering::Relaxed) || tracing::has_layer() {
        true => Ok(()),
        false => Err(Error::message(
            "the program has another logger for the crate `log`: do not set that one",
        )),
    }
}

/// Sets the greatest level that any target has.
pub(super) fn set_most(level: Level) {
    log::set_max_level(match level {
        Level::Nothing => LevelFilter::Off,
        Level::Error => LevelFilter::Error,
        Level::Warning => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
        Level::Trace => LevelFilter::Trace,
    });
}
