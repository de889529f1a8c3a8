//! The cell between a resolver and a promise (rule 8).

use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, MutexGuard};

/// A place for one value, written once on any thread and taken once by a task.
///
/// A mutex around a small state machine, since there is only one waiter and one value.
/// The cell allocates no memory of its own. While the mutex is held, no waker is woken
/// and no value is dropped. A waker is cloned under the mutex only where it is
/// registered.
#[derive(Debug)]
pub struct Cell<T>(Mutex<State<T>>);

#[derive(Debug)]
enum State<T> {
    /// Not settled. Keeps the waker of the task that polled last, if any did.
    Waiting(Option<Waker>),
    /// Settled, and not taken yet.
    Settled(T),
    /// Settled and taken, or closed by the reader. A value that comes now is given back.
    Done,
}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Cell<T> {
    /// An empty cell.
    pub fn new() -> Self {
        Cell(Mutex::new(State::Waiting(None)))
    }

    /// Writes the value and wakes the waiting task. Any thread may call it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the cell was settled or closed before.
    pub fn settle(&self, value: T) -> Result<(), T> {
        let mut state = self.lock();
        match &mut *state {
            State::Waiting(waker) => {
                let waker = waker.take();
                *state = State::Settled(value);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
                Ok(())
            }
            State::Settled(_) | State::Done => {
                drop(state);
                Err(value)
            }
        }
    }

    /// Whether a value was written, or the cell closed.
    pub fn is_settled(&self) -> bool {
        !matches!(*self.lock(), State::Waiting(_))
    }

    /// Takes the value, or registers the task, to be woken when the value comes.
    ///
    /// # Panics
    ///
    /// If the value was taken before or the cell closed: polling a completed
    /// future is the caller's mistake.
    pub fn poll_take(&self, context: &mut Context<'_>) -> Poll<T> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Done) {
            State::Settled(value) => Poll::Ready(value),
            State::Waiting(registered) => {
                let (current, stale) = match registered {
                    Some(waker) if waker.will_wake(context.waker()) => (waker, None),
                    other => (context.waker().clone(), other),
                };
                *state = State::Waiting(Some(current));
                drop(state);
                drop(stale);
                Poll::Pending
            }
            State::Done => {
                drop(state);
                panic!("a promise was polled after it completed")
            }
        }
    }

    /// The reader declares that it will not take the value. Returns `true` if the cell
    /// was still waiting for the value.
    pub fn close(&self) -> bool {
        let mut state = self.lock();
        let before = std::mem::replace(&mut *state, State::Done);
        drop(state);
        matches!(before, State::Waiting(_))
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Under this lock only `Waker::clone` can panic. It leaves the state `Done`,
        // which is valid, so a poisoned mutex does no harm.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Poll, Wake, Waker},
    };

    use super::Cell;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn settle_before_poll() {
        let cell = Cell::new();
        assert_eq!(cell.settle(1), Ok(()));
        assert!(cell.is_settled());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(cell.poll_take(&mut context), Poll::Ready(1));
    }

    #[test]
    fn settle_after_poll_wakes_the_last_waker_once() {
        let (first, last) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        let cell = Cell::new();
        for wakes in [&first, &last, &last] {
            let waker = Waker::from(wakes.clone());
            assert_eq!(
                cell.poll_take(&mut Context::from_waker(&waker)),
                Poll::<u8>::Pending
            );
        }
        assert_eq!(cell.settle(7), Ok(()));
        assert_eq!(first.0.load(Ordering::Relaxed), 0);
        assert_eq!(last.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn second_settle_gives_the_value_back() {
        let cell = Cell::new();
        assert_eq!(cell.settle(1), Ok(()));
        assert_eq!(cell.settle(2), Err(2));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(cell.poll_take(&mut context), Poll::Ready(1));
        assert_eq!(cell.settle(3), Err(3));
    }

    #[test]
    fn close_refuses_a_later_value() {
        let cell = Cell::new();
        assert!(cell.close());
        assert!(!cell.close());
        assert_eq!(cell.settle(1), Err(1));
    }

    #[test]
    fn a_waker_whose_registration_is_replaced_is_dropped() {
        let wakes = Arc::new(Wakes::default());
        let cell = Cell::<u8>::new();
        let waker = Waker::from(wakes.clone());
        assert!(
            cell.poll_take(&mut Context::from_waker(&waker))
                .is_pending()
        );
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 2);
        assert!(
            cell.poll_take(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        assert_eq!(Arc::strong_count(&wakes), 1);
    }

    #[test]
    #[should_panic(expected = "polled after it completed")]
    fn poll_after_taking_panics() {
        let cell = Cell::new();
        assert_eq!(cell.settle(1), Ok(()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(cell.poll_take(&mut context), Poll::Ready(1));
        let _ = cell.poll_take(&mut context);
    }
}
