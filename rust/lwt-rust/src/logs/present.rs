//! What OCaml finds with the feature `logs`.

use super::{
    log,
    records::{Levels, replace_levels, set_room},
    tracing,
};
use crate::error::Error;

/// Makes the records of both crates come here. At most `room` of them wait for OCaml.
///
/// # Errors
///
/// If the program has another logger, or another subscriber.
pub(crate) fn start(room: usize) -> Result<(), Error> {
    set_room(room);
    tracing::install()?;
    log::install()
}

/// Sets which records OCaml wants. Any thread may call it.
pub(crate) fn set_levels(levels: Levels) {
    let most = levels.most();
    replace_levels(levels);
    log::set_most(most);
    tracing::levels_have_changed();
}
