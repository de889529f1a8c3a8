//! Roots that outlive the domain in which they were made.
//!
//! When a domain ends, boxroot gives its roots to the domain that collects next. But
//! OCaml tells boxroot of the end before the last collections of the ending domain. So
//! the ending domain may get its own roots back. Then no domain scans these roots until a
//! new domain has the same number. Meanwhile OCaml would collect or move the values that
//! Rust keeps with them, and the roots would not be updated.
//!
//! This module prevents that: a domain that has ended scans no boxroots any more.

use std::{
    cell::Cell,
    ffi::{c_int, c_void},
    ptr::{self, NonNull},
    sync::{
        Once,
        atomic::{AtomicBool, AtomicPtr, Ordering},
    },
};

use ocaml::sys;

use super::lock::Lock;

/// `scan_roots_hook` of `caml/roots.h`. Its arguments are an action, flags, data of the
/// action, and the domain. OCaml calls it on a thread of each domain, while all domains
/// are stopped.
type Scan = unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, *mut c_void);

/// `caml_timing_hook` of `caml/misc.h`.
type Timing = unsafe extern "C" fn();

/// A function or null.
type Hook = AtomicPtr<c_void>;

unsafe extern "C" {
    /// A `Scan`.
    static caml_scan_roots_hook: Hook;
    /// A `Timing`. OCaml calls it on the last thread of a domain, after the last OCaml
    /// code of the domain.
    static caml_domain_terminated_hook: Hook;

    fn boxroot_setup() -> bool;
    fn boxroot_create(value: sys::Value) -> Option<NonNull<c_void>>;
    fn boxroot_delete(root: NonNull<c_void>);
}

/// The functions that were in the hooks before: boxroot's, and those of others.
static SCAN_BOXROOT: Hook = Hook::new(ptr::null_mut());
static SCAN_OTHERS: Hook = Hook::new(ptr::null_mut());
static ENDED: Hook = Hook::new(ptr::null_mut());

/// Whether a domain has ended, and no other domain has been made ready to get its roots
/// since.
static HAS_ORPHANS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether the domain of this thread has ended.
    static HAS_ENDED: Cell<bool> = const { Cell::new(false) };
}

/// From now on, roots outlive their domains. It is called before the first root is made.
/// Later calls change nothing.
pub(crate) fn keep_orphans(_lock: &Lock) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: it is a static of the runtime.
        let scan_hook = unsafe { &caml_scan_roots_hook };
        // No collection sees the hook empty: this domain would take part in the
        // collection, and it is here.
        let others = scan_hook.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: the domain's lock is held.
        unsafe { boxroot_setup() };
        let boxroot = scan_hook.swap(scan as Scan as *mut c_void, Ordering::AcqRel);
        if boxroot.is_null() {
            // Foreign code has made boxroots already.
            SCAN_BOXROOT.store(others, Ordering::Release);
        } else {
            SCAN_BOXROOT.store(boxroot, Ordering::Release);
            SCAN_OTHERS.store(others, Ordering::Release);
        }
        // SAFETY: as above.
        let ended_hook = unsafe { &caml_domain_terminated_hook };
        let ours = ended as Timing as *mut c_void;
        let mut before = ended_hook.load(Ordering::Acquire);
        loop {
            // A domain may end at any moment.
            ENDED.store(before, Ordering::Release);
            match ended_hook.compare_exchange(before, ours, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(other) => before = other,
            }
        }
    });
}

/// Scans the roots of a domain.
unsafe extern "C" fn scan(
    action: *mut c_void,
    flags: c_int,
    data: *mut c_void,
    domain: *mut c_void,
) {
    let run = |hook: &Hook| {
        // SAFETY: the hook holds a function of this type, or null.
        let hook: Option<Scan> = unsafe { std::mem::transmute(hook.load(Ordering::Acquire)) };
        if let Some(hook) = hook {
            // SAFETY: the runtime has called this function with these arguments.
            unsafe { hook(action, flags, data, domain) };
        }
    };
    run(&SCAN_OTHERS);
    if !HAS_ENDED.get() {
        if HAS_ORPHANS.swap(false, Ordering::AcqRel) && !expects_orphans() {
            HAS_ORPHANS.store(true, Ordering::Release);
        }
        run(&SCAN_BOXROOT);
    }
}

/// Makes this domain known to boxroot, which gives roots only to a domain that has made
/// one itself. Returns `false` if there is no memory for it.
fn expects_orphans() -> bool {
    // SAFETY: the runtime scans the domain's roots, so its lock is held. `UNIT` is an
    // immediate value.
    match unsafe { boxroot_create(sys::UNIT) } {
        Some(root) => {
            // SAFETY: the root was made just now.
            unsafe { boxroot_delete(root) };
            true
        }
        None => false,
    }
}

/// The hook that OCaml calls when a domain has ended.
unsafe extern "C" fn ended() {
    // SAFETY: the hook holds a function of this type, or null.
    let before: Option<Timing> = unsafe { std::mem::transmute(ENDED.load(Ordering::Acquire)) };
    if let Some(before) = before {
        // SAFETY: the runtime has called this function in the place of `before`.
        unsafe { before() };
    }
    HAS_ORPHANS.store(true, Ordering::Release);
    HAS_ENDED.set(true);
}
