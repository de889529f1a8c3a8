//! The parts of lwt_rust that name no OCaml value.
//!
//! Everything here is ordinary Rust, so it is tested without an OCaml runtime:
//! [`Park`] and [`Cell`] under loom, which tries every interleaving, and on real
//! threads, and all of it by unit tests.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `park` | when a wake-up of an executor needs a notification |
//! | `inbox` | what other threads hand to an executor |
//! | `cell` | the one value that goes from a resolver to a promise |
//! | `catch` | a future whose panics become values |
//! | `slots` | small numbers for things under way |
//! | `counts` | how many things there are |
//! | `description` | what a crate tells OCaml about its types and functions |
//! | `source` | what a promise cancels when it is dropped |

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
