//! The Lwt loop of the process, for code below the executors.

use once_cell::sync::OnceCell;

/// The Lwt loop, in the hands of any thread.
pub(crate) trait LwtLoop: Sync {
    /// Makes the loop poll its executor soon, and in that poll call OCaml's panic handler
    /// and the handlers of signals.
    fn wake(&self);
}

type Find = fn() -> Option<&'static dyn LwtLoop>;

static FIND: OnceCell<Find> = OnceCell::new();

/// Sets the function that finds the Lwt loop. Later calls change nothing.
pub(crate) fn found_by(find: Find) {
    FIND.get_or_init(|| find);
}

/// The Lwt loop, if there is one that drives an executor.
pub(crate) fn current() -> Option<&'static dyn LwtLoop> {
    FIND.get().and_then(|find| find())
}
