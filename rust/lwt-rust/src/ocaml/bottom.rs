//! Ends the stack that an unwinder sees (rule 16).
//!
//! For a backtrace or a panic, an unwinder walks the stack from frame to frame until
//! there is none left. Below a stub are OCaml's frames, perhaps on the stack of a fiber,
//! with C frames between them. An unwinder that gets there reads memory that is no stack,
//! and the process ends with SIGSEGV. So a stub calls its body by an instruction for
//! which the unwind tables say that there is no caller. They say the same for the first
//! function of a thread.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;
use std::mem::ManuallyDrop;

use ocaml::sys;

/// Calls `f`. For an unwinder that runs meanwhile, the stack ends at this call.
///
/// `f` has to catch its own panics: one that leaves it aborts the process.
#[inline(always)]
pub(crate) fn at_bottom<F: FnOnce() -> sys::Value>(f: F) -> sys::Value {
    let mut f = ManuallyDrop::new(f);
    let f = &raw mut *f;
    let result: sys::Value;
    // SAFETY: it is a call of `run`, a C function that takes `f` and returns a word. `f`
    // is initialised and not used again. `clobber_abi` names the registers that such a
    // call may change, and the stack is aligned for it. The call never unwinds. After it,
    // `.cfi_restore_state` gives the unwind tables their former state.
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
    // On other processors the unwinder sees OCaml's frames below.
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    // SAFETY: `f` is initialised and not used again.
    {
        result = unsafe { run(f) };
    }
    result
}

/// # Safety
///
/// `f` is initialised, and no code uses it after this call.
unsafe extern "C" fn run<F: FnOnce() -> sys::Value>(f: *mut F) -> sys::Value {
    // SAFETY: the caller says so.
    let f = unsafe { f.read() };
    f()
}
