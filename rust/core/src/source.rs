//! What a promise cancels when it is dropped (rule 8).

use crate::sync::{Mutex, MutexGuard};

/// The place for the source of a promise: what will settle it, and is cancelled
/// if nobody waits any more.
///
/// The promise may be dropped on one thread before another knows its source. So
/// whoever comes second cancels: the reader [takes](Source::take) the source
/// after it has closed its cell, and the other looks at the cell after it has
/// [put](Source::put) the source in.
#[derive(Debug)]
pub struct Source<S>(Mutex<State<S>>);

#[derive(Debug)]
enum State<S> {
    /// There is none, it is not known yet, or it was taken.
    Unknown,
    Known(S),
    /// Known or not, it is left alone.
    Detached,
}

impl<S> Default for Source<S> {
    fn default() -> Self {
        Self::unknown()
    }
}

impl<S> Source<S> {
    /// A source that is not known, or not yet.
    pub fn unknown() -> Self {
        Source(Mutex::new(State::Unknown))
    }

    /// The source is known from now on. Gives it back if it is to be left alone.
    pub fn put(&self, source: S) -> Option<S> {
        let mut state = self.lock();
        match &*state {
            State::Detached => Some(source),
            State::Unknown | State::Known(_) => {
                *state = State::Known(source);
                None
            }
        }
    }

    /// Takes the source, to cancel it; `None` if there is nothing to cancel.
    pub fn take(&self) -> Option<S> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Unknown) {
            State::Known(source) => Some(source),
            State::Unknown => None,
            State::Detached => {
                *state = State::Detached;
                None
            }
        }
    }

    /// From now on nobody cancels the source. Gives what was known of it.
    pub fn detach(&self) -> Option<S> {
        match std::mem::replace(&mut *self.lock(), State::Detached) {
            State::Known(source) => Some(source),
            State::Unknown | State::Detached => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // `begin` alone could panic under this lock, before anything changes.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Source;

    #[test]
    fn a_source_is_taken_once() {
        let source = Source::unknown();
        assert_eq!(source.take(), None);
        assert_eq!(source.put(1), None);
        assert_eq!(source.take(), Some(1));
        assert_eq!(source.take(), None);
    }

    #[test]
    fn a_detached_source_is_left_alone() {
        let source = Source::unknown();
        assert_eq!(source.put(1), None);
        assert_eq!(source.detach(), Some(1));
        assert_eq!(source.take(), None);
        assert_eq!(source.put(2), Some(2));
        assert_eq!(source.take(), None);
    }
}
