//! Backtraces.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    sync::Arc,
};

use crate::{
    fork,
    ocaml::{Lock, Root},
};

/// The frames of an error or a panic. The names of the functions are found when the text
/// is made. For the first text of a process, the standard library reads the debug
/// information of the program, and keeps it. This may take most of a second, and a hundred
/// megabytes.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Arc<Backtrace>);

impl Trace {
    /// The frames of the caller, if `RUST_BACKTRACE` asks for them.
    pub(crate) fn capture() -> Option<Self> {
        let backtrace = Backtrace::capture();
        let is_captured = backtrace.status() == BacktraceStatus::Captured;
        is_captured.then(|| Trace(Arc::new(backtrace)))
    }

    /// A `string option`: the text of `trace`.
    pub(super) fn option(lock: &mut Lock, trace: Option<Self>) -> Root {
        // At the fork, another thread may have been finding names, with a mutex held.
        let trace = trace.filter(|_| !fork::happened());
        let text = trace.map(|trace| trace.to_string());
        lock.text_option(text.as_deref())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
