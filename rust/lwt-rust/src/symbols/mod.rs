//! The exported symbols, with one file for each family. `lib/raw.ml` declares them, and a
//! test compares the two.

mod archive;
mod bytes;
mod call;
mod callbacks;
mod executor;
mod function;
mod io;
mod logs;
mod promise;
mod runtime;
mod sink;
mod stream;
mod wait;
