//! The tokio runtime.

use std::time::Duration;

use lwt_rust_core::{Kind, count};

use crate::{
    convert::read,
    domain,
    error::{Error, Exception, MOST_REPORTS, PANICS, Panic, message_of},
    fork,
    ocaml::{Root, Val, notify, this_thread},
    on_tokio::blocking_functions,
    runtime::{Flavor, Settings, configure, number_of_workers, stop, tokio_counts},
    stub::{Raw, act, stub},
    watch::{self, LONG_POLLS, longest, set_limit},
};

/// `bool -> int option -> string -> unit outcome`: sets whether the runtime has one thread,
/// or else the number of its workers, and the name of its threads.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_runtime_configure(
    is_current_thread: Raw,
    workers: Raw,
    thread_name: Raw,
) -> Raw {
    let arguments = [is_current_thread, workers, thread_name];
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act(
            arguments,
            |lock, [is_current_thread, workers, thread_name]| {
                let flavor = if read::<bool>(is_current_thread.get(lock))? {
                    Flavor::CurrentThread
                } else {
                    let workers = read::<Option<isize>>(workers.get(lock))?;
                    Flavor::MultiThread(workers.map(number_of_workers).transpose()?)
                };
                configure(Settings {
                    flavor,
                    thread_name: read::<String>(thread_name.get(lock))?,
                })?;
                Ok(())
            },
        )
    }
}

/// `unit -> unit outcome`: refuses all calls from now on. No domain gets an executor.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_runtime_refuse(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([unit], |_, _| {
            fork::check()?;
            domain::shut_down();
            Ok(())
        })
    }
}

/// `notification -> float -> unit outcome`: stops the runtime, when calls are refused. Sends
/// the notification when the threads of the runtime have ended, or after this many seconds.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_runtime_stop(notification: Raw, seconds: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([notification, seconds], |lock, [notification, seconds]| {
            fork::check()?;
            let notification = read::<isize>(notification.get(lock))?;
            let patience = Duration::try_from_secs_f64(read::<f64>(seconds.get(lock))?)?;
            stop(patience, move || notify(notification))?;
            Ok(())
        })
    }
}

/// `unit -> (int * int * int) outcome`: the numbers of tasks, promises and roots that
/// exist.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_runtime_live(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            fork::check()?;
            let kinds = [Kind::Task, Kind::Promise, Kind::Root];
            let counts = kinds.map(|kind| Val::int(count(kind)).unwrap_or(Val::UNIT));
            let counts = counts.map(Root::new);
            Ok(Root::new(lock.block(0, &counts.each_ref())))
        })
    }
}

/// `int -> metrics outcome`: what tokio and the calling domain have done so far. OCaml gives the
/// number of turns of the Lwt loop.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_runtime_metrics(turns: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([turns], |lock, [turns]| {
            fork::check()?;
            let turns = read::<usize>(turns.get(lock))?;
            let [workers, tasks, queued] = tokio_counts();
            let (running, waiting) = blocking_functions();
            let work = domain::here().map(|executor| executor.work());
            let work = work.unwrap_or_default();
            let longest = match longest() {
                None => Root::UNIT,
                Some(time) => {
                    let seconds = Root::new(lock.float(time.as_secs_f64()));
                    Root::new(lock.block(0, &[&seconds]))
                }
            };
            let counts = [
                workers,
                tasks,
                queued,
                running,
                waiting,
                work.calls,
                work.pending,
                work.polls,
                turns,
                domain::notifications(),
            ];
            let counts = counts.map(|count| Root::new(Val::from_index(count)));
            let mut fields: Vec<&Root> = counts.iter().collect();
            fields.push(&longest);
            Ok(Root::new(lock.block(0, &fields)))
        })
    }
}

/// `float option -> unit outcome`: whether OCaml asks for the polls to report that take this
/// time, in seconds.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_polls_are_reported(limit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([limit], |lock, [limit]| {
            let limit = read::<Option<f64>>(limit.get(lock))?;
            set_limit(limit.map(Duration::try_from_secs_f64).transpose()?);
            Ok(())
        })
    }
}

/// `unit -> (string * float) list outcome`: the long polls since the last call, with the
/// name of the function and the time in seconds, the last one first.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_polls_take(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            if fork::happened() {
                // The parent process reports them.
                return Ok(Root::UNIT);
            }
            let reports = LONG_POLLS.take(watch::MOST_REPORTS);
            Ok(reports.iter().fold(Root::UNIT, |tail, poll| {
                let name = lock.text(poll.name);
                let seconds = Root::new(lock.float(poll.time.as_secs_f64()));
                let head = Root::new(lock.block(0, &[&name, &seconds]));
                Root::new(lock.block(0, &[&head, &tail]))
            }))
        })
    }
}

/// `bool -> unit outcome`: whether OCaml asks for the panics to report.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_panics_are_reported(are: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([are], |lock, [are]| {
            // A crate may have set a panic hook of its own, for example to report panics.
            Panic::install_hook();
            PANICS.set_room(match read::<bool>(are.get(lock))? {
                true => MOST_REPORTS,
                false => 0,
            });
            Ok(())
        })
    }
}

/// `unit -> (string * string option * string option) list outcome`: the panics since
/// the last call, with message, location and backtrace, the last one first.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_panics_take(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |lock, _| {
            if fork::happened() {
                // The parent process reports them.
                return Ok(Root::UNIT);
            }
            let reports = PANICS.take(MOST_REPORTS);
            Ok(reports.iter().fold(Root::UNIT, |tail, panic| {
                let head = panic.parts(lock);
                Root::new(lock.block(0, &[&head, &tail]))
            }))
        })
    }
}

/// `exn -> string option outcome`: the message of the Rust error that an exception stands
/// for.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_exception_message(exception: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([exception], |lock, [exception]| {
            let message = message_of(exception.get(lock));
            Ok(lock.text_option(message.as_deref()))
        })
    }
}

/// `unit -> int outcome`: the number of the calling thread, which is positive.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_thread_number(unit: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub([unit], |_, _| {
            let number = this_thread().to_int().and_then(Val::int);
            let number = number.ok_or(Error::Abandoned)?;
            Ok(Root::new(number))
        })
    }
}

/// `(unit -> unit) -> unit outcome`: gives back the memory of those roots of the domain
/// that are gone. The argument is a function that runs a minor collection.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_domain_end(collect: Raw) -> Raw {
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        act([collect], |lock, [collect]| {
            let last = Root::settle_all(&collect, lock);
            let called = lock.call(&collect, &[&Root::UNIT]).map(drop);
            drop(last);
            called.map_err(|raised| Exception::raised(lock, raised).into())
        })
    }
}
