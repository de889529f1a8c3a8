//! Lwt promises that Rust makes for OCaml.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use lwt_rust_core::CatchPanic;

use crate::{
    bindings::Type,
    callbacks::{Callback, call_back},
    closure::LwtFn,
    convert::{FromOcaml, IntoOcaml, OcamlType},
    domain::{self, Task},
    error::{Error, Exception, Panic, uninitialised},
    functions::RustFn,
    ocaml::{Lock, Root, Val},
};

/// A future that OCaml gets as a Lwt promise, within a result: in a record, a tuple or a list.
/// If the promise is the whole result, write an `async fn` instead.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use lwt_rust::{IntoOcaml, LwtPromise, OcamlType, RustFn, func};
///
/// /// `type timer = { left : unit -> float; finished : unit Lwt.t }`
/// #[derive(OcamlType, IntoOcaml)]
/// struct Timer {
///     left: RustFn<(), Duration>,
///     finished: LwtPromise<()>,
/// }
///
/// /// `val start : float -> timer`
/// #[func]
/// fn start(time: Duration) -> Timer {
///     let end = Instant::now() + time;
///     Timer {
///         left: RustFn::new(move |()| Ok(end.saturating_duration_since(Instant::now()))),
///         finished: LwtPromise::new(async move {
///             tokio::time::sleep(time).await;
///             Ok(())
///         }),
///     }
/// }
/// # lwt_rust::library! { start }
/// ```
///
/// The future runs as a task of the domain that gets the promise, which is the domain of the Lwt
/// loop, from the moment at which the result is converted. An `Err` and a panic reject the promise.
///
/// # Cancellation
///
/// When OCaml cancels the promise, the future is dropped. If OCaml only forgets the promise, the
/// future goes on. So it does if another part of the same result cannot be converted.
pub struct LwtPromise<T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>);

impl<T: IntoOcaml + Send + 'static> LwtPromise<T> {
    /// A promise for the result of a future.
    pub fn new(future: impl Future<Output = Result<T, Error>> + Send + 'static) -> Self {
        LwtPromise(Box::pin(future))
    }
}

/// `t Lwt.t`
// SAFETY: OCaml's promise is resolved with what is made of a `T`. The future is `'static`.
unsafe impl<T: OcamlType> OcamlType for LwtPromise<T> {
    const TYPE: Type = Type::applied(&T::TYPE, "Lwt.t");
}

// SAFETY: as for its type.
unsafe impl<T: IntoOcaml + Send + 'static> IntoOcaml for LwtPromise<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let handle = domain::attached(lock)?.handle();
        let task: Arc<Mutex<Option<Task<()>>>> = Arc::default();
        let cancelled = task.clone();
        let cancel = RustFn::<(), ()>::new(move |()| {
            let task = cancelled
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            drop(task);
            Ok(())
        });
        let cancel = Root::new(cancel.into_ocaml(lock)?);
        let made = match call_back(lock, Callback::MakePromise, &[&cancel]) {
            Some(Ok(made)) => Root::new(made),
            Some(Err(raised)) => return Err(Exception::raised(lock, raised).into()),
            None => return Err(uninitialised()),
        };
        let made = made.get(lock);
        let field = |index| made.field(index).ok_or_else(uninitialised);
        let (promise, resolve, reject, abandon) = (field(0)?, field(1)?, field(2)?, field(3)?);
        let promise = Root::new(promise);
        let settle = Settle {
            // SAFETY: `Callbacks` makes such functions.
            resolve: unsafe { LwtFn::<(T,), ()>::from_ocaml(resolve) }?,
            // SAFETY: as above.
            reject: unsafe { LwtFn::from_ocaml(reject) }?,
            // SAFETY: as above.
            abandon: unsafe { LwtFn::from_ocaml(abandon) }?,
            is_settled: false,
        };
        let running = handle.spawn(settle.with(self.0));
        *task.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(promise.get(lock))
    }
}

/// What settles OCaml's promise. If it is dropped before, the promise is rejected.
struct Settle<T> {
    resolve: LwtFn<(T,), ()>,
    reject: LwtFn<Failed, ()>,
    abandon: LwtFn<(), ()>,
    is_settled: bool,
}

impl<T: IntoOcaml + Send + 'static> Settle<T> {
    async fn with(mut self, future: impl Future<Output = Result<T, Error>>) {
        let result = CatchPanic::new(future).await;
        let result = result.unwrap_or_else(|payload| Err(Panic::from_payload(payload).into()));
        let settled = match result {
            Ok(value) => self.resolve.call((value,)).await,
            Err(error) => self.reject.call(Failed(error)).await,
        };
        if let Err(error) = settled {
            // The value could not be converted.
            self.is_settled = self.reject.call(Failed(error)).await.is_ok();
        } else {
            self.is_settled = true;
        }
    }
}

impl<T> Drop for Settle<T> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.abandon.tell();
        }
    }
}

/// An error as `failure` of `lib/raw.ml`.
struct Failed(Error);

// SAFETY: see `Error::into_failure`.
unsafe impl OcamlType for Failed {
    const TYPE: Type = Type::named("exn * Printexc.raw_backtrace option");
}

// SAFETY: as for its type.
unsafe impl IntoOcaml for Failed {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        let failure = self.0.into_failure(lock).ok_or_else(uninitialised)?;
        Ok(failure.get(lock))
    }
}

impl<T> fmt::Debug for LwtPromise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LwtPromise(..)")
    }
}
