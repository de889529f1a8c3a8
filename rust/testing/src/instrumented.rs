//! Functions with an attribute of another crate: `tracing::instrument`.

use std::{
    cell::RefCell,
    fmt::{Debug, Write},
    rc::Rc,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_core::Stream;
use lwt_rust::{AbstractType, Error, LwtFn, Poly};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    instrument,
    span::{Attributes, Id, Record},
};

/// The spans, in the order in which they began, and the events, each in its span.
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The names of the spans.
static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());

thread_local! {
    /// The spans that the thread is in.
    static ENTERED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

static EXITS: AtomicUsize = AtomicUsize::new(0);

struct Recorder;

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // A string takes any text.
        let _ = write!(self.0, " {field}={value:?}");
    }
}

fn see(line: String) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.push(line);
}

fn index(id: &Id) -> usize {
    id.into_u64() as usize - 1
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(module_path!())
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let name = span.metadata().name();
        let mut fields = Fields(format!("span {name}"));
        span.record(&mut fields);
        see(fields.0);
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        names.push(name);
        Id::from_u64(names.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let within = ENTERED.with_borrow(|entered| entered.last().copied());
        let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let name = within.map_or("nothing", |index| names[index]);
        let mut fields = Fields(format!("event in {name}"));
        event.record(&mut fields);
        see(fields.0);
    }

    fn enter(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(index(id)));
    }

    fn exit(&self, _: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.pop());
        EXITS.fetch_add(1, Ordering::SeqCst);
    }
}

/// Makes the recorder the subscriber of the process.
#[lwt_rust::func]
pub(crate) fn start_recording() -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(Recorder)
}

/// Takes the lines that were recorded.
#[lwt_rust::func]
pub(crate) fn recorded() -> Vec<String> {
    std::mem::take(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How often a span was left.
#[lwt_rust::func]
pub(crate) fn exits() -> usize {
    EXITS.load(Ordering::SeqCst)
}

#[instrument]
#[lwt_rust::func]
pub(crate) fn above(n: i64, #[ocaml(label)] text: String) -> i64 {
    tracing::info!("inside");
    n
}

#[lwt_rust::func]
#[instrument]
pub(crate) fn below(n: i64, #[ocaml(label)] text: String) -> i64 {
    tracing::info!("inside");
    n
}

#[instrument(err)]
#[lwt_rust::func]
pub(crate) async fn above_later(n: i64) -> Result<i64, Error> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    tracing::info!("after the wait");
    match n {
        0 => Err(Error::message("zero")),
        _ => Ok(n),
    }
}

#[lwt_rust::func(protected)]
#[instrument(skip(next), fields(more = n + 1))]
pub(crate) async fn below_later(n: i64, next: LwtFn<i64, i64>) -> Result<i64, Error> {
    let next = next.call(n).await?;
    tracing::info!(next);
    Ok(next)
}

#[instrument]
#[lwt_rust::func(blocking)]
pub(crate) fn above_blocking(n: i64) -> i64 {
    tracing::info!("inside");
    n
}

#[lwt_rust::func(blocking)]
#[instrument]
pub(crate) fn below_blocking(n: i64) -> i64 {
    tracing::info!("inside");
    n
}

#[lwt_rust::func(local)]
#[instrument]
pub(crate) async fn below_local(n: i64) -> i64 {
    let n = Rc::new(n);
    tokio::task::yield_now().await;
    *n
}

#[instrument(skip_all)]
#[lwt_rust::func]
pub(crate) fn above_generic<A>(value: Poly<A>) -> Poly<A> {
    value
}

#[lwt_rust::func]
#[instrument(skip_all)]
pub(crate) fn below_generic<A>(value: Poly<A>) -> Poly<A> {
    value
}

#[instrument]
#[lwt_rust::func]
pub(crate) fn above_stream(most: i64) -> impl Stream<Item = i64> {
    futures_lite::stream::iter(0..most)
}

#[lwt_rust::func]
#[instrument]
pub(crate) async fn below_stream(most: i64) -> impl Stream<Item = i64> {
    futures_lite::stream::iter(0..most)
}

#[lwt_rust::func]
#[instrument]
pub(crate) fn below_condition(#[cfg(windows)] missing: Missing, #[cfg(unix)] n: i64) -> i64 {
    n
}

/// A value with methods.
#[derive(AbstractType, Debug)]
pub(crate) struct Account(i64);

#[lwt_rust::methods]
impl Account {
    #[instrument]
    fn new(balance: i64) -> Self {
        Account(balance)
    }

    #[instrument]
    #[func(name = "balance_plus")]
    fn plus(&self, n: i64) -> i64 {
        self.0 + n
    }

    #[func(blocking)]
    #[instrument(skip(self), name = "taken from")]
    fn minus(&self, n: i64) -> i64 {
        self.0 - n
    }

    #[instrument(skip(self))]
    async fn close(self, after: Duration) -> i64 {
        tokio::time::sleep(after).await;
        tracing::info!("closed");
        self.0
    }
}
