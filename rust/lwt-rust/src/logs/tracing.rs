//! Events of the crate `tracing`, with the spans around them.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use tracing_core::{
    Event, Field, LevelFilter, Metadata, Subscriber,
    callsite::rebuild_interest_cache,
    dispatcher::{Dispatch, set_global_default},
    field::Visit,
    span::{Attributes, Id},
    subscriber::Interest,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, Filter, SubscriberExt},
    registry::LookupSpan,
};

use super::{
    Level,
    records::{Fields, Record, are_wanted, levels, send, text},
};
use crate::error::Error;

/// Whether a subscriber of the program's own may have our layer.
static HAS_LAYER: AtomicBool = AtomicBool::new(false);

/// Whether our subscriber is the default one of the process.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// A layer for a program that has a `tracing` subscriber of its own. It gives OCaml the records
/// that `Lwt_rust.Log` asks for.
///
/// ```no_run
/// # use tracing_subscriber::prelude::*;
/// tracing_subscriber::registry()
///     .with(lwt_rust::logs::layer())
///     .init();
/// ```
///
/// Without it, `Lwt_rust.Log.start` sets a subscriber that has no other layer. The records of the
/// crate `log` need no subscriber.
///
/// Any thread may call it. The layer never blocks, and panics only if the `Debug` of a field does.
pub fn layer<S>() -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    HAS_LAYER.store(true, Ordering::Relaxed);
    ToOcaml.with_filter(ByLevel)
}

pub(super) fn has_layer() -> bool {
    HAS_LAYER.load(Ordering::Relaxed)
}

/// Makes a subscriber with our layer the default one, unless the program has one with it.
///
/// # Errors
///
/// If the program has another one.
pub(super) fn install() -> Result<(), Error> {
    if has_layer() || IS_INSTALLED.load(Ordering::Relaxed) {
        return Ok(());
    }
    let subscriber = Registry::default().with(ToOcaml.with_filter(ByLevel));
    match set_global_default(Dispatch::new(subscriber)) {
        Ok(()) => {
            IS_INSTALLED.store(true, Ordering::Relaxed);
            Ok(())
        }
        Err(_) => Err(Error::message(
            "the program has another subscriber for the crate `tracing`: add the layer \
             `lwt_rust::logs::layer()` to it",
        )),
    }
}

/// Makes `tracing` ask again which records are wanted.
pub(super) fn levels_have_changed() {
    rebuild_interest_cache();
}

fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing_core::Level::ERROR => Level::Error,
        tracing_core::Level::WARN => Level::Warning,
        tracing_core::Level::INFO => Level::Info,
        tracing_core::Level::DEBUG => Level::Debug,
        tracing_core::Level::TRACE => Level::Trace,
    }
}

/// The target of all call sites of `tracing-log`, which gives records of `log` to `tracing`.
/// The target of the record is a field of the event.
const OF_LOG: &str = "log";

/// Lets through what OCaml wants.
struct ByLevel;

impl<S> Filter<S> for ByLevel {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        are_wanted(level_of(metadata), metadata.target())
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == OF_LOG {
            Interest::sometimes()
        } else if are_wanted(level_of(metadata), metadata.target()) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let most = levels().map_or(Level::Nothing, |levels| levels.most());
        Some(match most {
            Level::Nothing => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warning => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        })
    }
}

struct ToOcaml;

/// The fields of a span, in the extensions of that span.
struct SpanFields(Fields);

impl<S> Layer<S> for ToOcaml
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut values = Values::default();
        attributes.record(&mut values);
        if let Some(span) = context.span(id) {
            // A subscriber may have the layer twice, and `insert` would panic.
            span.extensions_mut().replace(SpanFields(values.all()));
        }
    }

    fn on_record(&self, id: &Id, record: &tracing_core::span::Record<'_>, context: Context<'_, S>) {
        let mut values = Values::default();
        record.record(&mut values);
        let Some(span) = context.span(id) else {
            return;
        };
        let mut extensions = span.extensions_mut();
        if let Some(SpanFields(fields)) = extensions.get_mut::<SpanFields>() {
            for (name, value) in values.all() {
                match fields.iter_mut().find(|(before, _)| *before == name) {
                    Some((_, before)) => *before = value,
                    None => fields.push((name, value)),
                }
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut values = Values::default();
        event.record(&mut values);
        let spans = context.event_scope(event).map(|scope| {
            let fields_of = |span: tracing_subscriber::registry::SpanRef<'_, S>| {
                let extensions = span.extensions();
                let fields = extensions.get::<SpanFields>();
                let fields = fields.map_or_else(Vec::new, |SpanFields(fields)| fields.clone());
                (span.name().to_owned(), fields)
            };
            scope.from_root().map(fields_of).collect()
        });
        let mut record = Record {
            level: level_of(metadata),
            target: metadata.target().to_owned(),
            message: values.message,
            fields: values.fields,
            spans: spans.unwrap_or_default(),
            location: metadata.file().map(str::to_owned).zip(metadata.line()),
            time: SystemTime::now(),
        };
        if metadata.target() == OF_LOG {
            as_of_log(&mut record);
        }
        send(record);
    }
}

/// Takes what `tracing-log` says about a record of `log` out of the fields.
fn as_of_log(record: &mut Record) {
    let mut file = None;
    let mut line = None;
    record.fields.retain_mut(|(name, value)| {
        match name.as_str() {
            "log.target" => record.target = std::mem::take(value),
            "log.file" => file = Some(std::mem::take(value)),
            "log.line" => line = value.parse().ok(),
            "log.module_path" => {}
            _ => return true,
        }
        false
    });
    record.location = file.zip(line);
}

/// The values of a span or an event.
#[derive(Default)]
struct Values {
    message: String,
    fields: Fields,
}

impl Values {
    /// All values, with that of `message` as one of them.
    fn all(mut self) -> Fields {
        if !self.message.is_empty() {
            let message = std::mem::take(&mut self.message);
            self.fields.push((MESSAGE.to_owned(), message));
        }
        self.fields
    }

    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            MESSAGE => self.message = value,
            // A raw identifier.
            name => {
                let name = name.strip_prefix("r#").unwrap_or(name);
                self.fields.push((name.to_owned(), value));
            }
        }
    }
}

const MESSAGE: &str = "message";

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut all = text(format_args!("{value}"));
        // An error may be its own source.
        for source in std::iter::successors(value.source(), |error| error.source()).take(100) {
            all.push_str(&text(format_args!(": {source}")));
        }
        self.add(field, all);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, text(format_args!("{value:?}")));
    }
}
