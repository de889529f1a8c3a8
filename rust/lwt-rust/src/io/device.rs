//! Rust readers and writers, which OCaml uses.
//!
//! OCaml begins an operation, waits until it has ended, and takes its result. These are
//! separate, so that nothing is lost if OCaml stops waiting: the operation goes on, and its
//! result is there for whoever begins the next one.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, ready},
};

use lwt_rust_core::{CatchPanic, Payload};
use tokio::task::JoinHandle;

use crate::{
    callbacks::Callback,
    convert::Buffer,
    error::{Error, Panic, ask_ocaml},
    ocaml::{Held, Lock, Operations, Root, Val, custom_block, held},
    runtime,
};

/// The most bytes that one operation moves.
pub(super) const MOST_BYTES: usize = 262_144;

/// The closing of a device.
pub(crate) type Operation = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// The part of OCaml's buffer that an operation reads or writes.
pub(crate) struct Part {
    pub(crate) buffer: Buffer,
    pub(crate) start: usize,
    pub(crate) length: usize,
}

/// A reader or a writer, as OCaml sees it. OCaml uses it in one place at a time.
pub(crate) trait Device: Send + Sync {
    /// Begins an operation, unless one is under way or has left a result, and waits until
    /// there is a result.
    fn poll_run(&self, part: &Part, context: &mut Context<'_>) -> Poll<()>;

    /// Takes the result: how many bytes were moved.
    fn take(&self, part: &Part) -> Result<usize, Error>;

    fn close(self: Arc<Self>) -> Operation;
}

/// The device in an OCaml block.
#[derive(Clone)]
pub(crate) struct HeldDevice(Arc<dyn Device>);

// SAFETY: the static is in this function, for this type.
unsafe impl Held for HeldDevice {
    fn operations() -> &'static Operations {
        static DEVICE: Operations = Operations::of::<HeldDevice>(c"lwt_rust.device");
        &DEVICE
    }

    fn end(self) {
        runtime::in_context(|| drop(self));
    }

    fn end_panicked(payload: Payload) {
        runtime::panicked_in_finaliser(payload);
    }
}

/// Makes the channel of OCaml's that uses a device.
pub(super) fn into_ocaml(
    device: impl Device + 'static,
    make: Callback,
    lock: &mut Lock,
) -> Result<Val<'_>, Error> {
    let device = Root::new(custom_block(lock, HeldDevice(Arc::new(device)), None));
    Ok(ask_ocaml(lock, make, &[&device])?.get(lock))
}

/// The device within a value of [`into_ocaml`]; `None` for any other.
pub(crate) fn device_of(value: Val<'_>) -> Option<Arc<dyn Device>> {
    held::<HeldDevice>(value).map(|held| held.0.clone())
}

/// A reader or a writer whose operations run on a thread of tokio's.
pub(super) struct Worker<D>(Mutex<State<D>>);

enum State<D> {
    Idle(D),
    /// An operation is under way.
    Works(JoinHandle<Ended<D>>),
    /// An operation has ended, and OCaml has not taken the result.
    Done(D, io::Result<usize>),
    Failed(Error),
    Closed,
}

/// The device and the result of an operation, or a panic.
type Ended<D> = Result<(D, io::Result<usize>), Payload>;

impl<D: Send + 'static> Worker<D> {
    pub(super) fn new(device: D) -> Self {
        Worker(Mutex::new(State::Idle(device)))
    }

    fn lock(&self) -> MutexGuard<'_, State<D>> {
        // Nothing that can panic runs under this lock.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn replace(&self, state: State<D>) -> State<D> {
        std::mem::replace(&mut *self.lock(), state)
    }

    /// Begins an operation, unless one is under way or has left a result.
    pub(super) fn begin<W>(&self, work: impl FnOnce(D) -> W)
    where
        W: Future<Output = (D, io::Result<usize>)> + Send + 'static,
    {
        let state = match self.replace(State::Closed) {
            State::Idle(device) => State::Works(tokio::spawn(CatchPanic::new(work(device)))),
            other => other,
        };
        self.replace(state);
    }

    /// Waits until there is a result.
    pub(super) fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if let State::Works(handle) = &mut *state {
            let ended = ready!(Pin::new(handle).poll(context));
            *state = State::of(ended);
        }
        Poll::Ready(())
    }

    /// Takes the result of the operation that has ended. `take` returns what OCaml gets, and
    /// whether that is all of it.
    pub(super) fn take(
        &self,
        take: impl FnOnce(&mut D, usize) -> (usize, bool),
    ) -> Result<usize, Error> {
        let (state, result) = match self.replace(State::Closed) {
            State::Done(mut device, Ok(count)) => {
                let (taken, is_all) = take(&mut device, count);
                match is_all {
                    true => (State::Idle(device), Ok(taken)),
                    false => (State::Done(device, Ok(count - taken)), Ok(taken)),
                }
            }
            State::Done(device, Err(error)) => (State::Idle(device), Err(error.into())),
            State::Failed(error) => (State::Closed, Err(error)),
            State::Closed => (State::Closed, Err(closed())),
            other @ (State::Idle(_) | State::Works(_)) => (
                other,
                Err(Error::message("no operation of this channel has ended")),
            ),
        };
        self.replace(state);
        result
    }

    /// Closes the device, and returns it when no operation is under way any more, with the
    /// result that OCaml has not taken. `aborts` says that an operation is given up.
    pub(super) async fn close(&self, aborts: bool) -> Result<(D, io::Result<usize>), Error> {
        let ended = match self.replace(State::Closed) {
            State::Works(handle) => {
                if aborts {
                    handle.abort();
                }
                State::of(handle.await)
            }
            other => other,
        };
        match ended {
            State::Idle(device) => Ok((device, Ok(0))),
            State::Done(device, result) => Ok((device, result)),
            State::Failed(error) => Err(error),
            State::Closed | State::Works(_) => Err(closed()),
        }
    }

    /// Gives up an operation that is under way.
    pub(super) fn abort(&self) {
        if let State::Works(handle) = &*self.lock() {
            handle.abort();
        }
    }
}

impl<D> State<D> {
    fn of(ended: Result<Ended<D>, tokio::task::JoinError>) -> Self {
        match ended {
            Ok(Ok((device, result))) => State::Done(device, result),
            Ok(Err(payload)) => State::Failed(Panic::from_payload(payload).into()),
            // tokio was shut down.
            Err(_) => State::Failed(Error::Abandoned),
        }
    }
}

#[cold]
fn closed() -> Error {
    Error::message("this channel was closed before")
}
