//! Rust functions that are values in OCaml.

use crate::{call::call, expansion::direct, functions::Made, ocaml::Lock, stub::Raw, watch::named};

/// `rust_function -> 'a -> 'b outcome`: calls a function that returns no promise.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_function_call(function: Raw, arguments: Raw) -> Raw {
    let is_of_executor = |lock: &Lock, [function, _]: [Raw; 2]| {
        // SAFETY: it is a parameter of this stub, and nothing allocates in OCaml.
        let made = Made::of(unsafe { function.argument(lock) });
        made.is_ok_and(|made| made.is_of_executor())
    };
    let start = |lock: &mut Lock, [function, arguments]: [Raw; 2]| {
        // SAFETY: they are the parameters of this stub, and nothing allocates in OCaml.
        let [function, arguments] = [function, arguments].map(|raw| unsafe { raw.argument(lock) });
        Made::of(function)?.run(arguments)
    };
    // SAFETY: `raw.ml` declares it as an external that returns an `outcome`.
    unsafe {
        direct::<true, false, _, _, _, _, 2>(
            named!("a function of Rust's"),
            [function, arguments],
            is_of_executor,
            start,
        )
    }
}

/// `rust_function -> 'a -> 'b call`: calls a function that returns a promise.
#[unsafe(no_mangle)]
extern "C" fn lwt_rust_function_begin(function: Raw, arguments: Raw) -> Raw {
    let start = |lock: &mut Lock, [function, arguments]: [Raw; 2]| {
        // SAFETY: they are the parameters of this stub, and nothing allocates in OCaml.
        let [function, arguments] = [function, arguments].map(|raw| unsafe { raw.argument(lock) });
        Made::of(function)?.start(arguments)
    };
    // SAFETY: `raw.ml` declares it as an external that returns a `call`. The future is
    // `Send`.
    unsafe { call(named!("a function of Rust's"), [function, arguments], start) }
}
