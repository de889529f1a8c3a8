//! Records that Rust makes for a log.

use crate::{
    convert::{self, read},
    error::Error,
    fork,
    logs::{self, Level, Levels},
    ocaml::{Root, Val},
    stub::{Raw, act, stub},
};

/// The most records that OCaml takes at once.
const MOST: usize = 64;

/// `int -> unit outcome`: makes records come, and sets how many of them may wait for OCaml.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_logs_start(capacity: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([capacity], |lock, [capacity]| {
            fork::check()?;
            logs::start(read::<usize>(capacity.get(lock))?)
        })
    }
}

/// `int -> (string * int) list -> unit outcome`: sets the levels from which on there are
/// records: for all targets, and for some. 0 is for none.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_logs_set_levels(default: Raw, by_target: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([default, by_target], |lock, [default, by_target]| {
            if fork::happened() {
                // Another thread may have been writing the levels.
                return Ok(());
            }
            let default = level(read(default.get(lock))?)?;
            let by_target = levels(by_target.get(lock))?;
            logs::set_levels(Levels::new(default, by_target));
            Ok(())
        })
    }
}

/// Reads a list of names and levels.
fn levels(mut list: Val<'_>) -> Result<Vec<(String, Level)>, Error> {
    fn field(value: Val<'_>, index: usize) -> Result<Val<'_>, Error> {
        let wrong = || convert::mismatch("(string * int) list");
        value.field(index).ok_or_else(wrong)
    }
    let mut all = Vec::new();
    while list.as_int().is_none() {
        let pair = field(list, 0)?;
        all.push((read(field(pair, 0)?)?, level(read(field(pair, 1)?)?)?));
        list = field(list, 1)?;
    }
    Ok(all)
}

fn level(number: usize) -> Result<Level, Error> {
    let level = Level::ALL.get(number).copied();
    level.ok_or_else(|| Error::message("not a level of Lwt_rust.Log"))
}

/// `unit -> record list outcome`: the next records, the last one first.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_logs_take(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| match fork::happened() {
            // The parent process reports them.
            true => Ok(Root::UNIT),
            false => Ok(logs::take(lock, MOST)),
        })
    }
}

/// `unit -> bool outcome`: whether there are records for `lwt_rust_logs_take`.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_logs_are_waiting(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            let are = !fork::happened() && logs::are_waiting();
            convert::root(are, lock)
        })
    }
}

/// `unit -> int outcome`: how many records were dropped so far.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_logs_dropped(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |_, _| {
            Ok(Root::new(Val::from_index(logs::dropped())))
        })
    }
}
