//! Backtraces, whose text is made when it is read.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt,
    sync::Arc,
};

use crate::ffi::{Content, Lock, Root, Val, content_of, content_value};

/// The frames of an error or a panic. Their names are found only when the text is read:
/// that reads the debug information of the program, and keeps it. For the first backtrace
/// it may take most of a second, and a hundred megabytes.
#[derive(Clone, Debug)]
pub(crate) struct Trace(Arc<Backtrace>);

/// About the bytes that the frames of one backtrace take.
const SIZE: usize = 1 << 12;

impl Trace {
    /// The frames of the caller, if `RUST_BACKTRACE` asks for them.
    pub(super) fn capture() -> Option<Self> {
        let backtrace = Backtrace::capture();
        let is_captured = backtrace.status() == BacktraceStatus::Captured;
        is_captured.then(|| Trace(Arc::new(backtrace)))
    }

    /// A value of the type `backtrace option` of `lib/raw.ml`.
    pub(super) fn option(lock: &mut Lock, trace: Option<Self>) -> Root {
        match trace {
            None => Root::UNIT,
            Some(Trace(backtrace)) => {
                let value = Root::new(content_value(lock, Content::new(backtrace), SIZE));
                Root::new(lock.block(0, &[&value]))
            }
        }
    }

    /// Reads a value of the type `backtrace`.
    pub(crate) fn read(value: Val<'_>) -> Option<Self> {
        let content = content_of(value)?.get()?;
        content.downcast().ok().map(Trace)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
