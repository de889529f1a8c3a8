//! The tokio runtime.

use crate::{
    convert::FromOcaml,
    ffi::{Raw, Root, stub},
    runtime::{Flavor, Settings, configure, number_of_workers},
};

/// `bool -> int option -> string -> unit outcome`: whether the runtime has one
/// thread, the number of its workers otherwise, the name of its threads.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_runtime_configure(
    is_current_thread: Raw,
    workers: Raw,
    thread_name: Raw,
) -> Raw {
    let arguments = [is_current_thread, workers, thread_name];
    // SAFETY: a stub of `raw.ml`, without `[@@noalloc]`.
    unsafe {
        stub(
            arguments,
            |lock, [is_current_thread, workers, thread_name]| {
                let flavor = if bool::from_ocaml(is_current_thread.get(lock))? {
                    Flavor::CurrentThread
                } else {
                    let workers = Option::<i64>::from_ocaml(workers.get(lock))?;
                    Flavor::MultiThread(workers.map(number_of_workers).transpose()?)
                };
                configure(Settings {
                    flavor,
                    thread_name: String::from_ocaml(thread_name.get(lock))?,
                })?;
                Ok(Root::UNIT)
            },
        )
    }
}
