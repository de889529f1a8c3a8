//! Promises that Rust awaits.

mod link;
mod lwt;
mod portable;
mod relay;
mod resolver;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::task::coop::poll_proceed;

pub use portable::PortablePromise;
pub(crate) use relay::{Relay, Settlement, create, promise_of};
pub use resolver::Resolver;

use crate::{
    bindings::Type,
    convert::{FromOcaml, OcamlType, mismatch},
    domain::Handle,
    error::Error,
    ocaml::{Root, Val},
    runtime::{Suspicion, waits_for_itself},
};
use link::Link;
use lwt::{Local, cancel, end_wait};

/// A value that will come, from OCaml or from a [`Resolver`].
///
/// It is a future of `Result<T, Error>`, to be awaited once. Any task may await it, in a
/// domain or on a tokio worker.
///
/// If a task of a domain awaits many promises in a row that are settled already, it has to
/// wait for a turn of the loop now and then, so that the rest of the program goes on.
///
/// # Cancellation
///
/// If the promise stands for a Lwt promise that is still pending, dropping it cancels the
/// Lwt promise (`Lwt.cancel`), on its domain and a little later.
/// [`detach`](Promise::detach) does not cancel it. If the promise belongs to a
/// [`Resolver`], dropping it makes the resolver give its value back.
#[must_use = "dropping a promise cancels what it waits for, also by `let _ =`: await it, keep it, \
              or call `detach`"]
pub struct Promise<T>(State<T>);

enum State<T> {
    /// The promise was settled when it was made. `None` once the result was taken.
    Ready(Option<Result<T, Error>>),
    /// A Lwt promise that was not polled yet, and the function that begins a wait for it.
    Lwt(Root, Handle, fn(Root, Handle) -> Promise<T>),
    /// A Lwt promise for which a task of its domain has begun a wait.
    Local(Local<T>),
    /// The link will be settled.
    Waiting(Arc<Link<T>>),
    /// As `Waiting`. Dropping the promise cancels the source of the link.
    Cancelling(Arc<Link<T>>, Handle, Suspicion),
}

impl<T> Promise<T> {
    /// A promise, and the resolver that settles it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), lwt_rust::Error> {
    /// let (resolver, promise) = lwt_rust::Promise::new();
    /// std::thread::spawn(move || resolver.resolve(42));
    /// assert_eq!(promise.await?, 42);
    /// # Ok(()) }
    /// ```
    pub fn new() -> (Resolver<T>, Promise<T>) {
        let link = Link::new();
        (Resolver::new(link.clone()), Promise(State::Waiting(link)))
    }

    /// A promise that is settled already.
    pub fn ready(result: Result<T, Error>) -> Self {
        Promise(State::Ready(Some(result)))
    }

    /// Drops the promise without cancelling the Lwt promise that it waits for.
    pub fn detach(mut self) {
        match self.take() {
            State::Cancelling(link, handle, _) => {
                if let Some(ticket) = link.source.detach() {
                    end_wait(ticket, handle, false);
                }
                self.0 = State::Waiting(link);
            }
            State::Local(local) => local.give_up(false),
            State::Lwt(..) => {}
            other @ (State::Ready(_) | State::Waiting(_)) => self.0 = other,
        }
    }
}

impl<T> Future for Promise<T> {
    type Output = Result<T, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Local(local) = &self.0 {
            if let Some(executor) = local.executor_here() {
                // OCaml has had its turn since the task asked for this promise. So this
                // does not count as a step of a task that finds everything ready.
                let result = ready!(local.poll(executor, context));
                self.end();
                return Poll::Ready(result);
            }
        }
        self.poll_elsewhere(context)
    }
}

impl<T> Promise<T> {
    /// Polls a promise in any state but `Local`, or one in that state outside of its
    /// domain.
    #[inline(never)]
    fn poll_elsewhere(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let result = loop {
            break match &mut self.0 {
                State::Ready(result) => {
                    let result = result.take();
                    result.expect("a promise was polled after it completed")
                }
                State::Lwt(..) => {
                    if let State::Lwt(promise, handle, look_at) = self.take() {
                        *self = look_at(promise, handle);
                    }
                    continue;
                }
                State::Local(local) => match local.executor_here() {
                    Some(executor) => ready!(local.poll(executor, context)),
                    None => {
                        let moved = local.moved_away();
                        // The moved promise cancels the wait, so nothing is left in this
                        // one.
                        drop(self.take());
                        *self = moved;
                        continue;
                    }
                },
                State::Waiting(link) => ready!(link.cell.poll_take(context)),
                State::Cancelling(link, handle, suspicion) => match link.cell.poll_take(context) {
                    Poll::Ready(result) => result,
                    Poll::Pending if handle.waits_for_itself(context.waker(), suspicion) => {
                        self.give_up();
                        return Poll::Ready(Err(waits_for_itself()));
                    }
                    Poll::Pending => return Poll::Pending,
                },
            };
        };
        self.go_on(result, context)
    }

    /// Returns the result, or keeps it for the next poll if tokio's budget is spent.
    #[inline(always)]
    fn go_on(
        &mut self,
        result: Result<T, Error>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, Error>> {
        self.end();
        match poll_proceed(context) {
            Poll::Ready(step) => {
                step.made_progress();
                Poll::Ready(result)
            }
            Poll::Pending => {
                self.0 = State::Ready(Some(result));
                Poll::Pending
            }
        }
    }

    /// Drops the state of a promise that was awaited: nothing is left to close or to
    /// cancel.
    #[inline(always)]
    fn end(&mut self) {
        match self.take() {
            State::Local(local) => local.end(),
            other => drop(other),
        }
    }

    /// Takes the state, and leaves one that has nothing to drop.
    fn take(&mut self) -> State<T> {
        std::mem::replace(&mut self.0, State::Ready(None))
    }
}

// Nothing in a promise is pinned: all of it may move between polls.
impl<T> Unpin for Promise<T> {}

impl<T> Drop for Promise<T> {
    #[inline]
    fn drop(&mut self) {
        // A promise that was awaited is `Ready`.
        if !matches!(self.0, State::Ready(_)) {
            self.give_up();
        }
    }
}

impl<T> Promise<T> {
    fn give_up(&mut self) {
        match self.take() {
            State::Ready(_) => {}
            State::Lwt(promise, handle, _) => cancel(promise, handle),
            State::Local(local) => local.give_up(true),
            State::Waiting(link) => {
                link.cell.close();
            }
            State::Cancelling(link, handle, _) => {
                if link.cell.close() {
                    if let Some(ticket) = link.source.take() {
                        end_wait(ticket, handle, true);
                    }
                }
            }
        }
    }
}

impl<T> std::fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            State::Ready(_) => "Promise(settled)",
            State::Lwt(..) | State::Local(_) | State::Waiting(_) | State::Cancelling(..) => {
                "Promise(..)"
            }
        })
    }
}

/// `t Lwt.t`
// SAFETY: the value is a promise that was read as one of this type, and its value is read
// as a `T`. It borrows nothing.
unsafe impl<T: OcamlType> OcamlType for Promise<T> {
    const TYPE: Type = Type::applied(&T::TYPE, "Lwt.t");
}

/// Reads a `t Lwt.t`, and a `t Lwt_rust.Promise.t` too.
impl<T: FromOcaml + Send> FromOcaml for Promise<T> {
    const MAY_BE_OF_EXECUTOR: bool = true;

    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        if promise_of(value).is_some() {
            // SAFETY: the caller promises it: a stub that was declared by hand may take either.
            return Ok(unsafe { PortablePromise::from_ocaml(value) }?.into());
        }
        if value.tag() != Some(0) {
            return Err(mismatch("Lwt.t"));
        }
        let handle = Handle::of_this_thread()?;
        Ok(Promise(State::Lwt(Root::new(value), handle, Self::of_lwt)))
    }
}
