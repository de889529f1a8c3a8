//! The source of a promise, which is cancelled when the promise is dropped (rule 8).

use crate::sync::{Mutex, MutexGuard};

/// The place for the source of a promise: the task or the wait that will settle it. If
/// the reader drops the promise, the source is cancelled.
///
/// One thread may drop the promise before another thread knows its source. So the thread
/// that comes second cancels the source. There are two cases. The reader closes its cell,
/// and then [takes](Source::take) the source: if the source is there, the reader cancels
/// it. The other thread [puts](Source::put) the source in, and then looks at the cell: if
/// the cell is closed, this thread takes the source and cancels it.
#[derive(Debug)]
pub struct Source<S>(Mutex<State<S>>);

#[derive(Debug)]
enum State<S> {
    /// The promise has no source, or its source is not known yet, or the source was
    /// taken.
    Unknown,
    Known(S),
    /// No thread cancels the source, whether it is known or not.
    Detached,
}

impl<S> Default for Source<S> {
    fn default() -> Self {
        Self::unknown()
    }
}

impl<S> Source<S> {
    /// A place without a source, or for a source that is not known yet.
    pub fn unknown() -> Self {
        Source(Mutex::new(State::Unknown))
    }

    /// Puts the source in. Returns it if the promise is detached, so that no thread
    /// cancels it.
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

    /// Takes the source, to cancel it. Returns `None` if there is no source to cancel.
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

    /// From now on no thread cancels the source. Returns the source if it is known.
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
