//! The records of the crates `tracing` and `log`, which OCaml gets.
//!
//! Any thread makes records. They wait in a queue of limited length until the Lwt loop takes
//! them. Without the feature `logs` there are none.

#[cfg(not(feature = "logs"))]
mod absent;
#[cfg(feature = "logs")]
mod log;
#[cfg(feature = "logs")]
mod present;
#[cfg(feature = "logs")]
mod records;
#[cfg(feature = "logs")]
mod tracing;

#[cfg(not(feature = "logs"))]
pub(crate) use absent::{Levels, are_waiting, dropped, set_levels, start, take};
#[cfg(feature = "logs")]
pub(crate) use present::{set_levels, start};
#[cfg(feature = "logs")]
pub(crate) use records::{Levels, are_waiting, dropped, take};
#[cfg(feature = "logs")]
pub use tracing::layer;

/// How much a record matters. The constructors are those of `Lwt_rust.Log.level`, with
/// `Nothing` before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Nothing = 0,
    Error,
    Warning,
    Info,
    Debug,
    Trace,
}

impl Level {
    pub(crate) const ALL: [Level; 6] = [
        Level::Nothing,
        Level::Error,
        Level::Warning,
        Level::Info,
        Level::Debug,
        Level::Trace,
    ];
}
