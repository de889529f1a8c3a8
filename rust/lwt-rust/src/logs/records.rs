//! The records that wait for OCaml, and which ones OCaml wants.

use std::{
    fmt::{self, Write},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use super::Level;
use crate::{
    fork,
    ocaml::{Lock, Root, Val},
    reports::Reports,
};

/// The names of fields, and their values as text.
pub(super) type Fields = Vec<(String, String)>;

/// One record.
pub(super) struct Record {
    pub(super) level: Level,
    /// The path of the module that has made it, or what its author has said instead.
    pub(super) target: String,
    pub(super) message: String,
    pub(super) fields: Fields,
    /// The spans around it, the outermost one first.
    pub(super) spans: Vec<(String, Fields)>,
    pub(super) location: Option<(String, u32)>,
    pub(super) time: SystemTime,
}

/// The text of a value. An author of a `Display` may let it fail, for example chrono's for a
/// wrong format. `to_string` would panic then, and a program may not lose a call because of its
/// log.
pub(super) fn text(arguments: fmt::Arguments<'_>) -> String {
    let mut text = String::new();
    if text.write_fmt(arguments).is_err() {
        text.push_str("<formatting failed>");
    }
    text
}

/// Which records OCaml wants.
pub(crate) struct Levels {
    default: Level,
    /// Those of targets, and of the modules below them.
    by_target: Vec<(String, Level)>,
}

static LEVELS: RwLock<Option<Arc<Levels>>> = RwLock::new(None);

static RECORDS: Reports<Record> = Reports::new();

static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Whether `target` is `path`, or a module below it.
fn is_within(target: &str, path: &str) -> bool {
    target
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

impl Levels {
    pub(crate) fn new(default: Level, by_target: Vec<(String, Level)>) -> Self {
        Levels { default, by_target }
    }

    /// The level of a target: that of the longest path which it is within.
    fn of(&self, target: &str) -> Level {
        let within = self
            .by_target
            .iter()
            .filter(|(path, _)| is_within(target, path));
        let longest = within.max_by_key(|(path, _)| path.len());
        longest.map_or(self.default, |&(_, level)| level)
    }

    pub(super) fn most(&self) -> Level {
        let levels = self.by_target.iter().map(|&(_, level)| level);
        levels.fold(self.default, Ord::max)
    }
}

/// What OCaml wants now. `None` before it has said so.
pub(super) fn levels() -> Option<Arc<Levels>> {
    // Nothing that can panic runs under this lock.
    LEVELS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Whether OCaml wants records of this level and target.
pub(super) fn are_wanted(level: Level, target: &str) -> bool {
    // In a forked child, the lock may be held for ever (rule 13).
    !fork::happened() && levels().is_some_and(|levels| level <= levels.of(target))
}

/// Sets which records OCaml wants. Any thread may call it.
pub(super) fn replace_levels(levels: Levels) {
    let levels = Arc::new(levels);
    let mut current = LEVELS.write().unwrap_or_else(PoisonError::into_inner);
    let before = current.replace(levels);
    drop(current);
    drop(before);
}

/// Sets how many records may wait for OCaml.
pub(super) fn set_room(room: usize) {
    RECORDS.set_room(room);
}

/// Leaves a record for OCaml, or counts it as dropped. It does not wait. Any thread may call
/// it.
pub(super) fn send(record: Record) {
    if RECORDS.send(record).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether there are records for OCaml.
pub(crate) fn are_waiting() -> bool {
    RECORDS.are_waiting()
}

/// How many records were dropped, since too many waited.
pub(crate) fn dropped() -> usize {
    DROPPED.load(Ordering::Relaxed)
}

/// The next records for OCaml, at most so many: a list of `Lwt_rust.Log.record`, the last one
/// first.
pub(crate) fn take(lock: &mut Lock, most: usize) -> Root {
    RECORDS.take(most).iter().fold(Root::UNIT, |tail, record| {
        let head = record.root(lock);
        Root::new(lock.block(0, &[&head, &tail]))
    })
}

impl Record {
    fn root(&self, lock: &mut Lock) -> Root {
        // `Nothing` is no constructor in OCaml.
        let level = Root::new(Val::from_index(self.level as usize - 1));
        let target = lock.text(&self.target);
        let message = lock.text(&self.message);
        let fields = list_of_fields(lock, &self.fields);
        let spans = self
            .spans
            .iter()
            .rev()
            .fold(Root::UNIT, |tail, (name, fields)| {
                let name = lock.text(name);
                let fields = list_of_fields(lock, fields);
                let head = Root::new(lock.block(0, &[&name, &fields]));
                Root::new(lock.block(0, &[&head, &tail]))
            });
        let location = self.location.as_ref();
        let location = location.map(|(file, line)| format!("{file}:{line}"));
        let location = lock.text_option(location.as_deref());
        let time = self.time.duration_since(SystemTime::UNIX_EPOCH);
        let time = Root::new(lock.float(time.unwrap_or(Duration::ZERO).as_secs_f64()));
        let fields = [&level, &target, &message, &fields, &spans, &location, &time];
        Root::new(lock.block(0, &fields))
    }
}

fn list_of_fields(lock: &mut Lock, fields: &Fields) -> Root {
    fields.iter().rev().fold(Root::UNIT, |tail, (name, value)| {
        let name = lock.text(name);
        let value = lock.text(value);
        let head = Root::new(lock.block(0, &[&name, &value]));
        Root::new(lock.block(0, &[&head, &tail]))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::Level, Levels, is_within};

    #[test]
    fn the_longest_path_has_the_level() {
        let by_target = [
            ("http", Level::Error),
            ("http::client", Level::Trace),
            ("quiet", Level::Nothing),
        ];
        let by_target = by_target.map(|(path, level)| (path.to_owned(), level));
        let levels = Levels::new(Level::Info, by_target.to_vec());
        for (target, level) in [
            ("http", Level::Error),
            ("http::server", Level::Error),
            ("http::client", Level::Trace),
            ("http::client::pool", Level::Trace),
            ("http2", Level::Info),
            ("quiet::inner", Level::Nothing),
            ("", Level::Info),
        ] {
            assert_eq!(levels.of(target), level, "{target}");
        }
    }

    #[test]
    fn a_path_ends_at_a_name() {
        assert!(is_within("a::b", "a"));
        assert!(is_within("a", "a"));
        assert!(!is_within("ab", "a"));
        assert!(!is_within("a", "a::b"));
    }
}
