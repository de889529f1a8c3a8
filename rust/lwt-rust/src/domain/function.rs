//! The closures that a call has given to Rust.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use once_cell::sync::OnceCell;

use crate::{
    callbacks::{Callback, call_back},
    error::{Error, Exception},
    ocaml::{Lock, Root},
};

/// A Lwt closure, and the context in which it is called: it sees the values of
/// `Lwt.with_value` of the call that it was given to.
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
}

/// The closures that the running stub has read.
#[derive(Default)]
pub(crate) struct Functions {
    read: RefCell<Vec<Arc<Function>>>,
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
    pub(crate) fn note(&self, function: Arc<Function>) {
        self.read.borrow_mut().push(function);
        self.are_any.set(true);
    }

    /// Gives the closures that the running stub has read to its call. A stub calls it when
    /// it has read its arguments. Returns the context of the call, or `()` if there are no
    /// closures.
    #[inline]
    pub(crate) fn give_context(&self, lock: &mut Lock) -> Result<Root, Error> {
        match self.are_any.replace(false) {
            true => self.give_context_now(lock),
            false => Ok(Root::UNIT),
        }
    }

    #[cold]
    fn give_context_now(&self, lock: &mut Lock) -> Result<Root, Error> {
        let read = self.read.take();
        let context = match call_back(lock, Callback::CaptureContext, &[&Root::UNIT]) {
            // It is an error if OCaml has no memory, or if the handler of a signal raises.
            Some(Ok(context)) => Root::new(context),
            Some(Err(raised)) => return Err(Exception::raised(lock, raised).into()),
            None => Root::UNIT,
        };
        for function in read {
            let _ = function.context.set(Root::new(context.get(lock)));
        }
        Ok(context)
    }
}
