//! Panics as values (rules 6 and 9).

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

/// The value with which code has panicked.
pub type Payload = Box<dyn Any + Send>;

pin_project! {
    /// A future that completes with `Err` when the future within panics, at a poll or
    /// while it is dropped. Dropping the `CatchPanic` never panics.
    ///
    /// The future within is dropped as soon as it has completed or panicked, before
    /// the result is given out.
    #[must_use = "futures do nothing unless polled"]
    pub struct CatchPanic<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for CatchPanic<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut future = this.project().future;
            // No caller can be told any more. The panic hook has reported the panic.
            if let Err(payload) = catch_panic(|| future.set(None)) {
                drop_quietly(payload);
            }
        }
    }
}

/// A `CatchPanic` without a future: use [`put`](CatchPanic::put) before it is polled.
impl<F> Default for CatchPanic<F> {
    fn default() -> Self {
        CatchPanic { future: None }
    }
}

impl<F: Future> CatchPanic<F> {
    /// Catches the panics of a future.
    pub fn new(future: F) -> Self {
        CatchPanic {
            future: Some(future),
        }
    }

    /// Puts `future` into an empty `CatchPanic` that has its final place. That is cheaper
    /// than to move the `CatchPanic` there together with the structure around it.
    #[inline(always)]
    pub fn put(self: Pin<&mut Self>, future: F) {
        self.project().future.set(Some(future));
    }
}

/// Calls `f`, and returns a panic of `f` as a value.
///
/// # Errors
///
/// The payload of the panic that left `f`.
pub fn catch_panic<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    // The callers drop everything that `f` could have left half done.
    catch_unwind(AssertUnwindSafe(f))
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Payload>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut within = self.project().future;
        let future = within
            .as_mut()
            .as_pin_mut()
            .expect("a future was polled after it completed");
        let result = match catch_panic(|| future.poll(context)) {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        // If the drop after a panic panics too, the first panic is reported, since it is
        // the cause.
        Poll::Ready(match (result, catch_panic(|| within.set(None))) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(value), Err(payload)) => {
                drop_quietly(value);
                Err(payload)
            }
            (Err(payload), dropped) => {
                drop_quietly(dropped);
                Err(payload)
            }
        })
    }
}

/// Drops a value, and ignores a panic of its destructor.
pub fn drop_quietly<T>(value: T) {
    if let Err(payload) = catch_panic(move || drop(value)) {
        // The payload may panic in its own destructor, with a payload that does so too,
        // and so on for ever. The second payload is leaked.
        if let Err(again) = catch_panic(move || drop(payload)) {
            std::mem::forget(again);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        future::{Future, poll_fn},
        panic::panic_any,
        pin::{Pin, pin},
        sync::Arc,
        task::{Context, Poll, Waker},
    };

    use super::{CatchPanic, Payload};

    struct PanicOnDrop;

    impl Drop for PanicOnDrop {
        fn drop(&mut self) {
            panic!("drop");
        }
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn message(result: Poll<Result<u8, Payload>>) -> &'static str {
        match result {
            Poll::Ready(Err(payload)) => payload.downcast_ref::<&str>().copied().unwrap(),
            Poll::Ready(Ok(_)) => "completed",
            Poll::Pending => "pending",
        }
    }

    #[test]
    fn value_passes_through() {
        let future = pin!(CatchPanic::new(async { 3 }));
        assert!(matches!(poll(future), Poll::Ready(Ok(3))));
    }

    #[test]
    fn a_future_is_put_in() {
        let mut future = pin!(CatchPanic::default());
        future.as_mut().put(async { 4 });
        assert!(matches!(poll(future), Poll::Ready(Ok(4))));
    }

    #[test]
    fn panic_at_the_first_and_at_a_later_poll() {
        let now = pin!(CatchPanic::new(async { panic!("poll") }));
        assert_eq!(message(poll(now)), "poll");

        let mut polls = 0;
        let mut later = pin!(CatchPanic::new(Box::pin(poll_fn(move |_| {
            polls += 1;
            if polls == 2 {
                panic!("later")
            } else {
                Poll::Pending
            }
        }))));
        assert_eq!(message(poll(later.as_mut())), "pending");
        assert_eq!(message(poll(later)), "later");
    }

    #[test]
    fn panic_in_the_drop_of_a_completed_future() {
        let held = PanicOnDrop;
        let future = pin!(CatchPanic::new(Box::pin(poll_fn(move |_| {
            let _held = &held;
            Poll::Ready(1)
        }))));
        assert_eq!(message(poll(future)), "drop");
    }

    #[test]
    fn panic_in_the_drop_after_a_panic_keeps_the_first() {
        let held = PanicOnDrop;
        let future = pin!(CatchPanic::new(Box::pin(poll_fn(move |_| -> Poll<u8> {
            let _held = &held;
            panic!("first")
        }))));
        assert_eq!(message(poll(future)), "first");
    }

    #[test]
    fn panic_in_the_drop_of_an_unfinished_future_goes_nowhere() {
        let held = PanicOnDrop;
        drop(CatchPanic::new(Box::pin(async move {
            let _held = held;
        })));
    }

    /// Panics with a payload when it is dropped.
    struct PanicWith<T: Send + 'static>(Option<T>);

    impl<T: Send + 'static> Drop for PanicWith<T> {
        fn drop(&mut self) {
            panic_any(self.0.take().unwrap());
        }
    }

    #[test]
    fn payload_that_nobody_is_told_of_is_dropped() {
        let payload = Arc::new(());
        let held = PanicWith(Some(payload.clone()));
        drop(CatchPanic::new(Box::pin(async move {
            let _held = held;
        })));
        assert_eq!(Arc::strong_count(&payload), 1);
    }

    #[test]
    fn panic_in_the_drop_of_a_payload_goes_nowhere() {
        let held = PanicWith(Some(PanicOnDrop));
        let future = pin!(CatchPanic::new(Box::pin(poll_fn(move |_| -> Poll<u8> {
            let _held = &held;
            panic!("first")
        }))));
        assert_eq!(message(poll(future)), "first");

        let held = PanicWith(Some(PanicOnDrop));
        drop(CatchPanic::new(Box::pin(async move {
            let _held = held;
        })));
    }
}
