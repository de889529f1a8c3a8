//! The end of an executor.

use super::{DomainExecutor, registry};
use crate::{
    error::Error,
    ffi::{Lock, Root, enter_tokio},
    promise::cancel_here,
};

impl DomainExecutor {
    /// Ends all tasks: each is dropped, here and now, and what awaits it gets
    /// [`Error::Abandoned`]. OCaml has forgotten all calls. Nothing runs in this
    /// executor from then on.
    ///
    /// # Errors
    ///
    /// If a task of the executor is running, so that the caller is called by it.
    pub(crate) fn close(&self, lock: &mut Lock) -> Result<(), Error> {
        let Some(_polling) = self.polling() else {
            return Err(Error::message(
                "the executor cannot be closed by a closure that one of its tasks has called",
            ));
        };
        self.shared.close();
        self.calls.forget_all();
        let _tokio = enter_tokio(self.shared.tokio());
        lock.lend(|| self.tasks.close(self.shared));
        let awaited = self.awaited.take();
        lock.lend(|| {
            awaited.iter().for_each(cancel_here);
            self.waits.close(self.shared.is_of_lwt());
        });
        self.stored.set(0);
        self.is_told.set(true);
        self.record.replace(Root::UNIT);
        self.completions.replace(Root::UNIT);
        self.shared.disconnect();
        registry::forget(self);
        Ok(())
    }

    /// A Lwt promise that was awaited is to be cancelled. Gives it back if the
    /// executor is not being closed: then a task does it.
    pub(crate) fn cancel_when_closed(&self, promise: Root) -> Option<Root> {
        if !self.shared.is_closed() {
            return Some(promise);
        }
        self.awaited.borrow_mut().push(promise);
        None
    }
}
