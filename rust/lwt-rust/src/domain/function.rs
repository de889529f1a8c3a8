//! The closures that a call has given to Rust.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use once_cell::sync::OnceCell;

use crate::{
    callbacks::{self, Callback, call_back},
    error::{Error, Exception},
    ocaml::{Lock, Raised, Root, Val},
};

/// The OCaml code that has called a Rust function and has given closures to it. The closures
/// see the values of `Lwt.with_value` of that code.
#[derive(Default)]
struct Caller {
    /// `context` of `lib/raw.ml`. It takes time to ask OCaml for it, so that is not done
    /// before it is needed.
    context: OnceCell<Root>,
}

impl Caller {
    /// Asks OCaml for the context, while the running OCaml code is the caller.
    fn capture(&self, lock: &mut Lock) -> Result<(), Error> {
        if self.context.get().is_some() {
            return Ok(());
        }
        match call_back(lock, Callback::CaptureContext, &[&Root::UNIT]) {
            Some(Ok(context)) => {
                let context = Root::new(context);
                // A handler of a signal may have come first.
                self.context.get_or_init(|| context);
                Ok(())
            }
            // It is an error if OCaml has no memory, or if the handler of a signal raises.
            Some(Err(raised)) => Err(Exception::raised(lock, raised).into()),
            None => Ok(()),
        }
    }
}

thread_local! {
    /// The caller whose closures the running stub reads. The first closure makes it.
    static READ: RefCell<Option<Arc<Caller>>> = const { RefCell::new(None) };
    /// Whether `READ` is there. It is quicker to read.
    static IS_READ: Cell<bool> = const { Cell::new(false) };
    /// Whether one of the closures returns a promise.
    static ARE_PROMISED: Cell<bool> = const { Cell::new(false) };
    /// The caller of the Rust function that runs, while no OCaml code runs that the function
    /// has called.
    static RUNNING: RefCell<Option<Arc<Caller>>> = const { RefCell::new(None) };
}

/// What a closure returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    Promise,
    Value,
}

/// A closure, and the code that has given it to Rust.
pub(crate) struct Function {
    closure: Root,
    caller: Arc<Caller>,
}

impl Function {
    /// A closure that is being read.
    pub(crate) fn new(closure: Root, returns: Returns) -> Self {
        if returns == Returns::Promise {
            ARE_PROMISED.set(true);
        }
        IS_READ.set(true);
        let caller = READ.with_borrow_mut(|read| read.get_or_insert_default().clone());
        Function { closure, caller }
    }

    /// Another closure, called in the same context.
    pub(crate) fn of_the_same_code(&self, closure: Root) -> Self {
        let caller = self.caller.clone();
        Function { closure, caller }
    }

    pub(crate) fn closure(&self) -> &Root {
        &self.closure
    }

    /// `context` of `lib/raw.ml`; `()` if the closure was given to no function, such as one
    /// in the value of a promise.
    pub(crate) fn context(&self) -> &Root {
        const NONE: &Root = &Root::UNIT;
        self.caller.context.get().unwrap_or(NONE)
    }

    /// Calls a function that returns no promise.
    pub(crate) fn call<'l>(&self, lock: &'l mut Lock, argument: &Root) -> Result<Val<'l>, Raised> {
        let running = Paused(RUNNING.take());
        let is_there = |caller: &Arc<Caller>| Arc::ptr_eq(caller, &self.caller);
        if running.0.as_ref().is_some_and(is_there) || !callbacks::are_registered() {
            return lock.call(&self.closure, &[argument]);
        }
        let arguments = [self.context(), &self.closure, argument];
        match call_back(lock, Callback::CallWithin, &arguments) {
            Some(called) => called,
            None => unreachable!("the callbacks are registered"),
        }
    }

    /// Reads the result of the function. The closures in it come from the same code.
    pub(crate) fn read_result<R>(&self, read: impl FnOnce() -> R) -> R {
        READ.set(Some(self.caller.clone()));
        IS_READ.set(true);
        let result = read();
        forget_closures();
        result
    }
}

/// The caller of the Rust function that runs, while OCaml code runs that the function has
/// called.
struct Paused(Option<Arc<Caller>>);

impl Drop for Paused {
    fn drop(&mut self) {
        RUNNING.set(self.0.take());
    }
}

/// Makes sure that the closures of the running function keep its caller's context, whatever
/// OCaml code the function calls. It comes before such a call.
pub(crate) fn capture_before_ocaml(lock: &mut Lock) -> Result<(), Error> {
    match RUNNING.with_borrow(Option::clone) {
        Some(caller) => caller.capture(lock),
        None => Ok(()),
    }
}

/// Forgets the closures that were read before. A stub calls it before it reads its
/// arguments.
#[inline(always)]
pub(crate) fn forget_closures() {
    if IS_READ.replace(false) {
        forget_now();
    }
}

#[cold]
fn forget_now() {
    ARE_PROMISED.set(false);
    READ.set(None);
}

/// The caller of a function that has begun, if it has given closures. Its drop ends the
/// function.
pub(crate) struct Given {
    caller: Arc<Caller>,
    /// The function below, which runs again afterwards.
    before: Option<Arc<Caller>>,
}

impl Drop for Given {
    fn drop(&mut self) {
        RUNNING.set(self.before.take());
    }
}

/// Begins a function: gives it the closures that the running stub has read. A stub calls it
/// when it has read its arguments.
#[inline]
pub(crate) fn give_closures(lock: &mut Lock) -> Result<Option<Given>, Error> {
    match IS_READ.replace(false) {
        true => give_now(lock),
        false => Ok(None),
    }
}

#[cold]
fn give_now(lock: &mut Lock) -> Result<Option<Given>, Error> {
    let are_promised = ARE_PROMISED.replace(false);
    let Some(caller) = READ.take() else {
        return Ok(None);
    };
    // Another thread of the domain may call these while the function gives the lock away.
    if are_promised {
        caller.capture(lock)?;
    }
    let before = RUNNING.replace(Some(caller.clone()));
    Ok(Some(Given { caller, before }))
}

/// Ends a function. The closures that are still there keep the context of its caller, which
/// this returns. Otherwise it returns `()`.
#[inline]
pub(crate) fn keep_closures(given: Option<Given>, lock: &mut Lock) -> Result<Root, Error> {
    match given {
        None => Ok(Root::UNIT),
        Some(given) => keep_now(given, lock),
    }
}

#[cold]
fn keep_now(given: Given, lock: &mut Lock) -> Result<Root, Error> {
    // `given` and `RUNNING` have one each.
    if Arc::strong_count(&given.caller) > 2 {
        given.caller.capture(lock)?;
    }
    let context = given.caller.context.get();
    Ok(context.map_or(Root::UNIT, |context| Root::new(context.get(lock))))
}
