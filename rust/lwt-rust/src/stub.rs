//! The one way in from OCaml (rule 6).
//!
//! Every exported symbol is a call of [`enter`], or of [`observe`], [`keep`] or [`tell`]
//! if it only reads or writes a few words. No panic and no OCaml exception crosses a Rust
//! frame. Instead, a stub returns an *outcome*: a variant from which `Outcome` in `lib/`
//! takes the value, or raises the exception.

use lwt_rust_core::{Payload, catch_panic, drop_quietly};
use ocaml::sys;

use crate::{
    callbacks::{Callback, call_back},
    domain,
    error::{Error, Panic},
    ocaml::{Access, Lock, Root, Val, at_bottom, is_new, set_access, set_known},
    runtime,
};

/// An OCaml value in the signature of a stub.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Raw(sys::Value);

/// The outcome of a stub. The tag of the block that the stub returns tells it to OCaml.
#[derive(Clone, Copy)]
pub(crate) enum Status {
    Ready = 0,
    Failed = 1,
    Pending = 2,
}

impl Raw {
    /// The argument of a stub as a value.
    ///
    /// # Safety
    ///
    /// `self` is a parameter of a stub that OCaml has just called, and no code has
    /// allocated since then.
    pub unsafe fn argument(self, lock: &Lock) -> Val<'_> {
        // SAFETY: the caller says so.
        unsafe { Val::from_raw(lock, self.0) }
    }
}

/// Runs the body of a stub and returns its outcome: the block that the body
/// allocated, or `Failed` for an error or a panic.
///
/// # Safety
///
/// Called only from an `extern "C"` function that OCaml calls through an
/// `external` without `[@@noalloc]`.
pub(crate) unsafe fn enter(
    body: impl for<'l> FnOnce(&'l mut Lock) -> Result<Val<'l>, Error>,
) -> Raw {
    // SAFETY: the caller says so.
    unsafe { enter_raw(|lock| body(lock).map(|value| Raw(value.raw()))) }
}

unsafe fn enter_raw(body: impl FnOnce(&mut Lock) -> Result<Raw, Error>) -> Raw {
    // SAFETY: the caller says so.
    Raw(at_bottom(|| unsafe { run(body) }.0))
}

/// # Safety
///
/// Called only by [`enter_raw`].
#[inline(always)]
unsafe fn run(body: impl FnOnce(&mut Lock) -> Result<Raw, Error>) -> Raw {
    // SAFETY: OCaml calls a stub with its domain's lock held. Rust code that runs further
    // down on this thread has given its `Lock` away to call OCaml.
    let mut lock = unsafe { Lock::assume() };
    let taken = set_access(Access::Taken);
    let result = catch_panic(|| body(&mut lock));
    let result = match is_new() {
        false => result,
        true => introduce(&mut lock, result),
    };
    if let Some(executor) = domain::here() {
        executor.see_to_what_is_left();
    }
    let outcome = match result {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(error)) => failed(&mut lock, error),
        Err(payload) => failed(&mut lock, panicked(payload)),
    };
    drop(taken);
    match outcome {
        Ok(outcome) => outcome,
        Err(Unreportable) => {
            // SAFETY: the lock is held, and no Rust frame above this one has
            // anything left to drop.
            unsafe {
                sys::caml_failwith(
                    c"lwt_rust: a Rust function was called before the module Lwt_rust was \
                      initialised"
                        .as_ptr(),
                )
            };
            Raw(sys::UNIT)
        }
    }
}

/// The error for a panic that has left the body of a stub. If the panic comes of a plain
/// function that uses tokio before the runtime runs, the message also says how to mend that.
#[cold]
fn panicked(payload: Payload) -> Error {
    let wants_tokio = Panic::lacks_tokio(&payload) && runtime::started().is_none();
    let mut panic = Panic::from_payload(payload);
    if wants_tokio {
        panic.push_hint(
            ". No asynchronous function has started the runtime yet: write \
             `#[lwt_rust::func(tokio)]` for a plain function that uses tokio",
        );
    }
    panic.into()
}

type Returned = Result<Result<Raw, Error>, Payload>;

/// Tells OCaml that this thread's domain has used Rust, so that OCaml tells Rust when the
/// domain ends. This has to wait until the body has run: the call of OCaml could move the
/// arguments of the body.
#[cold]
fn introduce(lock: &mut Lock, returned: Returned) -> Returned {
    let returned = returned.map(|result| {
        // SAFETY: the body returned the value just now.
        result.map(|raw| Root::new(unsafe { Val::from_raw(lock, raw.0) }))
    });
    // The result is `None` while the module `Lwt_rust` is being initialised; then the
    // next stub tells OCaml. The callback can fail only for want of memory. In that case
    // a few kilobytes are never freed.
    set_known(true);
    if call_back(lock, Callback::BeginDomain, &[&Root::UNIT]).is_none() {
        set_known(false);
    }
    returned.map(|result| result.map(|root| Raw(root.raw(lock))))
}

/// Runs `f`, which may call OCaml, before a stub has read its arguments. Returns the
/// result of `f` and the arguments, which OCaml may have moved.
///
/// # Safety
///
/// Each argument is as [`Raw::argument`] requires.
#[cold]
pub(crate) unsafe fn hold<R, const N: usize>(
    arguments: [Raw; N],
    lock: &mut Lock,
    f: impl FnOnce(&mut Lock) -> Result<R, Error>,
) -> Result<(R, [Raw; N]), Error> {
    // SAFETY: the caller says so, and making a root allocates nothing in OCaml.
    let held = arguments.map(|raw| Root::new(unsafe { raw.argument(lock) }));
    let result = f(lock)?;
    Ok((result, held.map(|root| Raw(root.raw(lock)))))
}

/// The outcome of a function that has returned a `T` as `value`.
pub(crate) fn returned<'l, T>(lock: &'l mut Lock, value: &Root) -> Val<'l> {
    // `T` has one value, which OCaml represents as `()`.
    if size_of::<T>() == 0 && value.is_unit() {
        return Val::UNIT;
    }
    lock.block(Status::Ready as u8, &[value])
}

/// Runs the body of a stub whose result is an `outcome`: `Ready` with the value that the
/// body returns, or `Failed`. The body gets its arguments as roots.
///
/// # Safety
///
/// As for [`enter`], and `arguments` are the parameters of that function.
pub(crate) unsafe fn stub<const N: usize>(
    arguments: [Raw; N],
    body: impl FnOnce(&mut Lock, [Root; N]) -> Result<Root, Error>,
) -> Raw {
    let body = |lock: &mut Lock| {
        // SAFETY: `arguments` are parameters of the stub, and making a root allocates
        // nothing in OCaml.
        let arguments = arguments.map(|raw| Root::new(unsafe { raw.argument(lock) }));
        let result = body(lock, arguments)?;
        Ok(Raw(lock.block(Status::Ready as u8, &[&result]).raw()))
    };
    // SAFETY: the caller says so.
    unsafe { enter_raw(body) }
}

/// Like [`stub`], but the result is a `unit outcome`: `Done`, which needs no block, or
/// `Failed`.
///
/// # Safety
///
/// As for [`stub`].
pub(crate) unsafe fn act<const N: usize>(
    arguments: [Raw; N],
    body: impl FnOnce(&mut Lock, [Root; N]) -> Result<(), Error>,
) -> Raw {
    let body = |lock: &mut Lock| {
        // SAFETY: as in `stub`.
        let arguments = arguments.map(|raw| Root::new(unsafe { raw.argument(lock) }));
        body(lock, arguments)?;
        Ok(Raw(sys::UNIT))
    };
    // SAFETY: the caller says so.
    unsafe { enter_raw(body) }
}

/// OCaml has not yet registered the callback that makes an exception.
struct Unreportable;

fn failed(lock: &mut Lock, error: Error) -> Result<Raw, Unreportable> {
    match catch_panic(|| error.into_parts(lock)) {
        Ok(Some(parts)) => Ok(outcome(lock, Status::Failed, &parts.each_ref())),
        Ok(None) | Err(_) => Err(Unreportable),
    }
}

fn outcome(lock: &mut Lock, status: Status, fields: &[&Root]) -> Raw {
    Raw(lock.block(status as u8, fields).raw())
}

/// The stub of a `[@@noalloc]` external that keeps some of its arguments. The body
/// neither allocates in OCaml nor calls it. The stub returns a constant constructor, by
/// its number. If the body panics, the number is 0.
///
/// # Safety
///
/// `arguments` are the parameters of a function that OCaml has just called.
pub(crate) unsafe fn keep<const N: usize>(
    arguments: [Raw; N],
    body: impl FnOnce([Val<'_>; N]) -> u8,
) -> Raw {
    // SAFETY: the caller says so.
    Raw(at_bottom(|| unsafe { run_keep(arguments, body) }.0))
}

/// # Safety
///
/// As for [`keep`].
#[inline(always)]
unsafe fn run_keep<const N: usize>(
    arguments: [Raw; N],
    body: impl FnOnce([Val<'_>; N]) -> u8,
) -> Raw {
    // SAFETY: OCaml calls a stub with its domain's lock held. Rust code that runs further
    // down on this thread has given its `Lock` away to call OCaml.
    let lock = unsafe { Lock::assume() };
    // SAFETY: the caller says so.
    let arguments = arguments.map(|argument| unsafe { argument.argument(&lock) });
    let number = catch_panic(|| body(arguments)).unwrap_or_else(|payload| {
        drop_quietly(payload);
        0
    });
    // SAFETY: `val_int` only computes.
    Raw(unsafe { sys::val_int(number.into()) })
}

/// The stub of an external that only returns a constant text. It does not depend on the
/// layout of the state of this version of OCaml.
///
/// # Safety
///
/// As for [`enter`].
pub(crate) unsafe fn tell(text: &[u8]) -> Raw {
    // SAFETY: OCaml calls a stub with its domain's lock held. Rust code that runs further
    // down on this thread has given its `Lock` away to call OCaml.
    let mut lock = unsafe { Lock::assume() };
    match lock.string(text) {
        Ok(string) => Raw(string.raw()),
        Err(_) => unreachable!("a short string needs no more than the minor heap"),
    }
}

/// The stub of a `[@@noalloc]` external, which neither allocates nor calls
/// OCaml and cannot panic. It returns a constant constructor, by its number.
pub(crate) fn observe(body: impl FnOnce() -> u8) -> Raw {
    // SAFETY: `val_int` only computes.
    Raw(unsafe { sys::val_int(isize::from(body())) })
}
