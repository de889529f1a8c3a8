//! Promises that Rust awaits.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use lwt_rust_core::Cell;

use crate::{
    callbacks::{Callback, call_back},
    convert::FromOcaml,
    error::{Error, Exception},
    executor::{DomainExecutor, Handle},
    ffi::{Lock, Root, Val, promise_of, promise_value, try_with_lock, with_lock},
};

/// A value that will come, from OCaml or from a [`Resolver`].
///
/// It is a future of `Result<T, Error>`, to be awaited once. Any task may await
/// it, in a domain or on a tokio worker.
///
/// # Cancellation
///
/// Dropping a promise of a Lwt promise that is still pending cancels that one
/// (`Lwt.cancel`), on its domain and a little later; [`detach`](Promise::detach)
/// leaves it alone. Dropping the promise of a [`Resolver`] makes the resolver
/// give its value back.
#[must_use = "dropping a promise cancels what it waits for"]
pub struct Promise<T>(State<T>);

enum State<T> {
    /// Settled when it was made. `None` once the result was taken.
    Ready(Option<Result<T, Error>>),
    /// A Lwt promise that nobody has looked at yet, and how to look at it.
    Lwt(Root, Handle, fn(Root, Handle) -> Promise<T>),
    /// To be settled through the link.
    Waiting(Arc<Link<T>>),
    /// As `Waiting`; dropping it cancels the link's source.
    Cancelling(Arc<Link<T>>, Handle),
}

/// Settles a [`Promise`] from Rust. Any thread may use it, once.
///
/// A resolver that is dropped rejects its promise with [`Error::Abandoned`].
pub struct Resolver<T>(Option<Arc<Link<T>>>);

/// What a promise and those who settle it share.
struct Link<T> {
    cell: Cell<Result<T, Error>>,
    /// The Lwt promise that settles the cell, as long as it can be cancelled.
    source: Mutex<Option<Root>>,
}

/// The side of a promise that OCaml settles, whatever its type.
pub(crate) trait Sink: Send + Sync {
    /// Settles with an OCaml value. Returns `false` if it was settled before.
    fn resolve(&self, value: Val<'_>) -> bool;
    /// Settles with an OCaml exception. Returns `false` if it was settled before.
    fn reject(&self, exception: Exception) -> bool;
    /// Nobody will settle it any more. Any thread may call it.
    fn abandon(&self);
    /// Sends what settles it on to `sink`. `value` is the OCaml value that
    /// holds `self`.
    ///
    /// # Errors
    ///
    /// If it was asked for before.
    fn attach(&self, value: Val<'_>, sink: Arc<dyn Sink>) -> Result<(), Error>;
}

impl<T> Link<T> {
    fn new() -> Arc<Self> {
        Arc::new(Link {
            cell: Cell::new(),
            source: Mutex::new(None),
        })
    }

    fn source(&self) -> MutexGuard<'_, Option<Root>> {
        // Nothing that can panic runs under this lock.
        self.source
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn take_source(&self) -> Option<Root> {
        self.source().take()
    }
}

impl<T: FromOcaml + Send> Sink for Link<T> {
    fn resolve(&self, value: Val<'_>) -> bool {
        self.cell.settle(T::from_ocaml(value)).is_ok()
    }

    fn reject(&self, exception: Exception) -> bool {
        self.cell.settle(Err(exception.into())).is_ok()
    }

    fn abandon(&self) {
        // Given back if it was settled: then there is nothing to abandon.
        let _ = self.cell.settle(Err(Error::Abandoned));
    }

    fn attach(&self, _: Val<'_>, _: Arc<dyn Sink>) -> Result<(), Error> {
        Err(Error::message(
            "a promise that Rust made cannot be given to Rust",
        ))
    }
}

impl<T> Promise<T> {
    /// A promise and what settles it.
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
        (Resolver(Some(link.clone())), Promise(State::Waiting(link)))
    }

    /// A promise that is settled already.
    pub fn ready(result: Result<T, Error>) -> Self {
        Promise(State::Ready(Some(result)))
    }

    /// Drops the promise without cancelling what it waits for.
    pub fn detach(mut self) {
        if let State::Cancelling(link, _) = &self.0 {
            let link = link.clone();
            link.take_source();
            self.0 = State::Waiting(link);
        }
    }
}

impl<T: FromOcaml + Send + 'static> Promise<T> {
    /// The promise of a Lwt promise, looked at now.
    fn of_lwt(promise: Root, handle: Handle) -> Self {
        Promise::of_observed(handle, move |lock| {
            match call_back(lock, Callback::Observe, &[&promise]) {
                Some(observed) => Ok(Root::new(observed?)),
                None => Err(Error::Abandoned),
            }
        })
    }

    /// The promise of what `produce` gives: an `observed` of `lib/callbacks.ml`.
    ///
    /// On the domain of `handle` that is called now; elsewhere it is called by
    /// a task of that domain.
    pub(crate) fn of_observed<F>(handle: Handle, produce: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Root, Error> + Send + 'static,
    {
        match DomainExecutor::current() {
            Some(executor) if executor.belongs_to(&handle) => {
                with_lock(|lock| match produce(lock) {
                    Ok(observed) => Self::of_value(lock, &observed, &handle),
                    Err(error) => Promise::ready(Err(error)),
                })
            }
            Some(_) | None => Self::of_other_domain(handle, produce),
        }
    }

    fn of_value(lock: &mut Lock, observed: &Root, handle: &Handle) -> Self {
        match observed_state(lock, observed) {
            Observed::Settled(result) => Promise::ready(result),
            Observed::Waiting(source) => {
                let link = Link::new();
                match forward(lock, source, &link) {
                    Ok(()) => Promise(State::Cancelling(link, handle.clone())),
                    Err(error) => Promise::ready(Err(error)),
                }
            }
        }
    }

    fn of_other_domain<F>(handle: Handle, produce: F) -> Self
    where
        F: FnOnce(&mut Lock) -> Result<Root, Error> + Send + 'static,
    {
        let link = Link::new();
        let abandoned = Resolver(Some(link.clone()));
        let task = async move {
            let Some(link) = &abandoned.0 else { return };
            let result = try_with_lock(|lock| {
                let observed = produce(lock)?;
                match observed_state::<T>(lock, &observed) {
                    Observed::Settled(result) => result.map(Some),
                    Observed::Waiting(source) => forward(lock, source, link).map(|()| None),
                }
            });
            match result {
                // The reader is gone, perhaps since before the source was known.
                Some(Ok(None)) if link.cell.is_settled() => {
                    cancel_here(link.take_source());
                    abandoned.forget();
                }
                Some(Ok(None)) => abandoned.forget(),
                Some(Ok(Some(value))) => drop(abandoned.resolve(value)),
                Some(Err(error)) => drop(abandoned.reject(error)),
                None => drop(abandoned),
            }
        };
        handle.spawn(task).detach();
        Promise(State::Cancelling(link, handle))
    }
}

enum Observed<T> {
    Settled(Result<T, Error>),
    Waiting(Root),
}

/// Reads an `observed` of `lib/callbacks.ml`.
fn observed_state<T: FromOcaml>(lock: &mut Lock, observed: &Root) -> Observed<T> {
    let value = observed.get(lock);
    match (value.tag(), value.field(0)) {
        (Some(0), Some(value)) => Observed::Settled(T::from_ocaml(value)),
        (Some(1), Some(exception)) => {
            let exception = Root::new(exception);
            Observed::Settled(Err(Exception::new(lock, exception).into()))
        }
        (Some(2), Some(source)) => Observed::Waiting(Root::new(source)),
        _ => Observed::Settled(Err(Error::message("not an observed promise"))),
    }
}

/// Makes the Lwt promise `source` settle `link`.
fn forward<T>(lock: &mut Lock, source: Root, link: &Arc<Link<T>>) -> Result<(), Error>
where
    T: FromOcaml + Send + 'static,
{
    let sink = Root::new(promise_value(lock, link.clone()));
    if let Some(called) = call_back(lock, Callback::Forward, &[&source, &sink]) {
        called?;
    }
    *link.source() = Some(source);
    Ok(())
}

/// Cancels a Lwt promise from a task of its domain.
fn cancel_here(source: Option<Root>) {
    let Some(source) = source else { return };
    try_with_lock(|lock| {
        // `Callback::Cancel` raises nothing but what a callback of the user's
        // raised, which Lwt has passed to its own hook.
        let _ = call_back(lock, Callback::Cancel, &[&source]);
    });
}

impl<T> Future for Promise<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Lwt(..) = &self.0 {
            match std::mem::replace(&mut self.0, State::Ready(None)) {
                State::Lwt(promise, handle, look_at) => *self = look_at(promise, handle),
                other => self.0 = other,
            }
        }
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(
                result
                    .take()
                    .expect("a promise was polled after it completed"),
            ),
            State::Waiting(link) | State::Cancelling(link, _) => link.cell.poll_take(context),
            State::Lwt(..) => unreachable!("looking at a Lwt promise gives one of the others"),
        }
    }
}

// Nothing in a promise is pinned: all of it may move between polls.
impl<T> Unpin for Promise<T> {}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        match &self.0 {
            State::Ready(_) | State::Lwt(..) => {}
            State::Waiting(link) => {
                link.cell.close();
            }
            State::Cancelling(link, handle) => {
                if link.cell.close() {
                    if let Some(source) = link.take_source() {
                        handle
                            .spawn(async move { cancel_here(Some(source)) })
                            .detach();
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
            State::Lwt(..) | State::Waiting(_) | State::Cancelling(..) => "Promise(..)",
        })
    }
}

impl<T> Resolver<T> {
    /// Resolves the promise and wakes the task that awaits it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the promise was dropped.
    pub fn resolve(mut self, value: T) -> Result<(), T> {
        match self.settle(Ok(value)) {
            Ok(()) => Ok(()),
            Err(Ok(value)) => Err(value),
            Err(Err(_)) => unreachable!("what comes back is what was given"),
        }
    }

    /// Rejects the promise and wakes the task that awaits it.
    ///
    /// # Errors
    ///
    /// Gives the error back if the promise was dropped.
    pub fn reject(mut self, error: impl Into<Error>) -> Result<(), Error> {
        match self.settle(Err(error.into())) {
            Ok(()) => Ok(()),
            Err(Err(error)) => Err(error),
            Err(Ok(_)) => unreachable!("what comes back is what was given"),
        }
    }

    /// Whether the promise was dropped, so that nobody waits for a value.
    pub fn is_abandoned(&self) -> bool {
        self.0.as_ref().is_none_or(|link| link.cell.is_settled())
    }

    fn settle(&mut self, result: Result<T, Error>) -> Result<(), Result<T, Error>> {
        match self.0.take() {
            Some(link) => link.cell.settle(result),
            None => Err(result),
        }
    }

    /// Leaves it to somebody else to settle the promise.
    fn forget(mut self) {
        self.0 = None;
    }
}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        // Given back if nobody waits: then nobody has to be told.
        let _ = self.settle(Err(Error::Abandoned));
    }
}

impl<T> std::fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver(..)")
    }
}

/// A promise that OCaml made, before and after Rust asks for it.
struct Relay(Mutex<RelayState>);

enum RelayState {
    /// Neither settled nor asked for.
    Empty,
    /// Settled, and not asked for yet.
    Resolved(Root),
    /// Settled, and not asked for yet.
    Rejected(Exception),
    /// Asked for: what comes goes on to the link of a `Promise<T>`.
    Attached(Arc<dyn Sink>),
}

impl Relay {
    fn lock(&self) -> MutexGuard<'_, RelayState> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Where to send a settlement, or the state to keep it in.
    fn target(&self) -> Result<Arc<dyn Sink>, MutexGuard<'_, RelayState>> {
        let state = self.lock();
        match &*state {
            RelayState::Attached(sink) => Ok(sink.clone()),
            RelayState::Empty | RelayState::Resolved(_) | RelayState::Rejected(_) => Err(state),
        }
    }

    fn keep(mut state: MutexGuard<'_, RelayState>, settled: RelayState) -> bool {
        let is_first = matches!(*state, RelayState::Empty);
        if is_first {
            *state = settled;
        }
        is_first
    }
}

impl Sink for Relay {
    fn resolve(&self, value: Val<'_>) -> bool {
        match self.target() {
            Ok(sink) => sink.resolve(value),
            Err(state) => Self::keep(state, RelayState::Resolved(Root::new(value))),
        }
    }

    fn reject(&self, exception: Exception) -> bool {
        match self.target() {
            Ok(sink) => sink.reject(exception),
            Err(state) => Self::keep(state, RelayState::Rejected(exception)),
        }
    }

    fn abandon(&self) {
        if let Ok(sink) = self.target() {
            sink.abandon();
        }
    }

    fn attach(&self, value: Val<'_>, sink: Arc<dyn Sink>) -> Result<(), Error> {
        let mut state = self.lock();
        let before = std::mem::replace(&mut *state, RelayState::Attached(sink.clone()));
        match before {
            RelayState::Empty => return Ok(()),
            RelayState::Attached(first) => {
                *state = RelayState::Attached(first);
                return Err(Error::message(
                    "a Lwt_rust.Promise.t was given to Rust twice: only one future can await it",
                ));
            }
            RelayState::Resolved(root) => {
                drop(state);
                sink.resolve(root.beside(value));
            }
            RelayState::Rejected(exception) => {
                drop(state);
                sink.reject(exception);
            }
        }
        Ok(())
    }
}

/// Allocates a promise that OCaml settles: `Lwt_rust.Promise.create`.
pub(crate) fn create(lock: &mut Lock) -> Val<'_> {
    promise_value(lock, Arc::new(Relay(Mutex::new(RelayState::Empty))))
}

/// `'a Lwt.t` or `'a Lwt_rust.Promise.t` as an argument.
impl<T: FromOcaml + Send + 'static> FromOcaml for Promise<T> {
    fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        match promise_of(value) {
            Some(relay) => {
                let link = Link::new();
                relay.attach(value, link.clone())?;
                Ok(Promise(State::Waiting(link)))
            }
            None => {
                let handle = Handle::of_this_thread()?;
                Ok(Promise(State::Lwt(Root::new(value), handle, Self::of_lwt)))
            }
        }
    }
}
