//! The closures that a call has given to Rust.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use once_cell::sync::OnceCell;

use crate::{
    callbacks::{Callback, call_back},
    error::{Error, Exception},
    ocaml::{Lock, Raised, Root, Val},
};

/// A closure, and the context in which it is called: it sees the values of `Lwt.with_value`
/// of the call that it was given to.
pub(crate) struct Function {
    closure: Root,
    /// `context` of `lib/raw.ml`; `()` if the closure was given to no call.
    context: OnceCell<Root>,
}

impl Function {
    pub(crate) fn new(closure: Root) -> Self {
        Function {
            closure,
            context: OnceCell::new(),
        }
    }

    pub(crate) fn closure(&self) -> &Root {
        &self.closure
    }

    pub(crate) fn context(&self) -> &Root {
        const NONE: &Root = &Root::UNIT;
        self.context.get().unwrap_or(NONE)
    }

    /// Calls a function that returns no promise.
    pub(crate) fn call<'l>(&self, lock: &'l mut Lock, argument: &Root) -> Result<Val<'l>, Raised> {
        match self.context.get() {
            // The call that the closure was given to is running, in its context.
            None => lock.call(&self.closure, &[argument]),
            Some(context) => {
                let arguments = [context, &self.closure, argument];
                let called = call_back(lock, Callback::CallWithin, &arguments);
                called.expect("a context comes from a callback, so the callbacks are known")
            }
        }
    }
}

/// The closures of a call that has begun; `None` if there are none.
pub(crate) type Given = Option<Box<GivenClosures>>;

pub(crate) enum GivenClosures {
    /// They have got the context of the call.
    Within(Root),
    /// None of them returns a promise. They need the context only if they live longer than
    /// the first poll of the call, or than the function.
    Plain(Vec<Arc<Function>>),
}

/// Gives the closures that are still there to the call, which goes on later. Returns the
/// context of the call, or `()` if there are no closures.
#[inline]
pub(crate) fn keep(given: Given, lock: &mut Lock) -> Result<Root, Error> {
    match given.map(|given| *given) {
        None => Ok(Root::UNIT),
        Some(GivenClosures::Within(context)) => Ok(context),
        Some(GivenClosures::Plain(plain)) => keep_plain(lock, plain),
    }
}

#[cold]
fn keep_plain(lock: &mut Lock, plain: Vec<Arc<Function>>) -> Result<Root, Error> {
    let are_kept = |function: &Arc<Function>| Arc::strong_count(function) > 1;
    if !plain.iter().any(are_kept) {
        return Ok(Root::UNIT);
    }
    let context = capture(lock)?;
    for function in plain {
        let _ = function.context.set(Root::new(context.get(lock)));
    }
    Ok(context)
}

/// The context of the running code.
fn capture(lock: &mut Lock) -> Result<Root, Error> {
    match call_back(lock, Callback::CaptureContext, &[&Root::UNIT]) {
        // It is an error if OCaml has no memory, or if the handler of a signal raises.
        Some(Ok(context)) => Ok(Root::new(context)),
        Some(Err(raised)) => Err(Exception::raised(lock, raised).into()),
        None => Ok(Root::UNIT),
    }
}

/// What a closure returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    Promise,
    Value,
}

/// The closures that the running stub has read.
#[derive(Default)]
pub(crate) struct Functions {
    read: RefCell<Vec<(Arc<Function>, Returns)>>,
    /// Whether `read` holds any.
    are_any: Cell<bool>,
}

impl Functions {
    /// Forgets closures that an earlier stub has read. A stub calls it before it reads its
    /// arguments.
    #[inline]
    pub(crate) fn forget(&self) {
        if self.are_any.replace(false) {
            drop(self.read.take());
        }
    }

    /// Notes a closure that the running stub has read.
    pub(crate) fn note(&self, function: Arc<Function>, returns: Returns) {
        self.read.borrow_mut().push((function, returns));
        self.are_any.set(true);
    }

    /// Gives the closures that the running stub has read to its call. A stub calls it when
    /// it has read its arguments.
    #[inline]
    pub(crate) fn give(&self, lock: &mut Lock) -> Result<Given, Error> {
        match self.are_any.replace(false) {
            true => self.give_now(lock),
            false => Ok(None),
        }
    }

    #[cold]
    fn give_now(&self, lock: &mut Lock) -> Result<Given, Error> {
        let read = self.read.take();
        if read.iter().all(|(_, returns)| *returns == Returns::Value) {
            let plain = read.into_iter().map(|(function, _)| function);
            return Ok(Some(Box::new(GivenClosures::Plain(plain.collect()))));
        }
        let context = capture(lock)?;
        for (function, _) in read {
            let _ = function.context.set(Root::new(context.get(lock)));
        }
        Ok(Some(Box::new(GivenClosures::Within(context))))
    }
}
