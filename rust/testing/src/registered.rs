//! A function that runs when the program starts, as with the crates `inventory` and `ctor`.
//! No other code names anything in this file.

use std::sync::atomic::Ordering;

use crate::{names::REGISTERED, process};

extern "C" fn register() {
    REGISTERED.store(true, Ordering::Relaxed);
    if std::env::var_os("LWT_RUST_TEST_EARLY_HOOK").is_some() {
        process::replace_panic_hook();
    }
}

// SAFETY: the section contains the functions that the system calls when it loads the
// program, with arguments that this one does not read. This one touches only an atomic, the
// environment and the panic hook, so it may run before everything else.
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static REGISTER: extern "C" fn() = register;
