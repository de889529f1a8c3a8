//! Work on tokio's threads.

mod blocking;
mod scoped;

pub(crate) use blocking::blocking_functions;
pub use blocking::spawn_blocking;
pub use scoped::spawn_scoped;
