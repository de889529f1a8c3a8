//! Where the stack of Rust ends, for whoever walks it (rule 16).
//!
//! A backtrace or a panic walks the stack from frame to frame until there is none
//! left. Below a stub are frames of OCaml's, perhaps on the stack of a fiber, with C
//! frames between them: an unwinder that gets there reads memory that is no stack, and
//! the process ends with SIGSEGV. So a stub calls its body by an instruction for which
//! the unwind tables say what they say of the first function of a thread: there is no
//! caller.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;
use std::mem::ManuallyDrop;

use ocaml::sys;

/// Calls `f`, and ends there the stack of whoever walks it meanwhile.
///
/// `f` has to catch its own panics: one that leaves it aborts the process.
#[inline(always)]
pub(super) fn at_bottom<F: FnOnce() -> sys::Value>(f: F) -> sys::Value {
    let mut f = ManuallyDrop::new(f);
    let f = &raw mut *f;
    let result: sys::Value;
    // SAFETY: it is a call of `run`, a C function that takes `f`, which is initialised
    // and not used again, and returns a word. `clobber_abi` says what such a call may
    // change, and the stack is aligned for it. It never unwinds. The unwind tables are
    // what they were when it has returned.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            ".cfi_remember_state",
            ".cfi_undefined rip",
            "call {run}",
            ".cfi_restore_state",
            run = sym run::<F>,
            in("rdi") f,
            lateout("rax") result,
            clobber_abi("C"),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            ".cfi_remember_state",
            ".cfi_undefined x30",
            "bl {run}",
            ".cfi_restore_state",
            run = sym run::<F>,
            inlateout("x0") f => result,
            clobber_abi("C"),
        );
    }
    // Elsewhere the stack goes on below.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    // SAFETY: `f` is initialised and not used again.
    {
        result = unsafe { run(f) };
    }
    result
}

/// # Safety
///
/// `f` is initialised, and nobody uses it after this.
unsafe extern "C" fn run<F: FnOnce() -> sys::Value>(f: *mut F) -> sys::Value {
    // SAFETY: the caller says so.
    let f = unsafe { f.read() };
    f()
}
