//! The parts of lwt_rust that name no OCaml value.
//!
//! The tests need no OCaml runtime. Unit tests cover all modules. [`Park`] and [`Cell`] are
//! also tested under loom, which tries every interleaving, and on real threads.
//!
//! | module | contents |
//! | --- | --- |
//! | `park` | when a wake-up of an executor needs a notification |
//! | `inbox` | things that other threads leave for an executor |
//! | `cell` | the one value that goes from a resolver to a promise |
//! | `catch` | a future whose panics become values |
//! | `slots` | a table that gives small numbers to its entries |
//! | `counts` | the numbers of tasks, promises and roots |
//! | `description` | the description of a crate's types and functions for OCaml |
//! | `source` | the source of a promise, which is cancelled when the promise is dropped |

#![forbid(unsafe_code)]

mod catch;
mod cell;
mod counts;
mod description;
mod inbox;
mod park;
mod slots;
mod source;
mod sync;

pub use catch::{CatchPanic, Payload, catch_panic, drop_quietly};
pub use cell::Cell;
pub use counts::{Counted, CountedPromise, CountedRoot, CountedTask, Kind, count};
pub use description::{Part, Type, length, record};
pub use inbox::{Contents, Inbox};
pub use park::Park;
#[cfg(feature = "few-slots")]
pub use slots::set_most_slots;
pub use slots::{Occupied, Slots, Ticket, most_slots};
pub use source::Source;
