//! The end of an executor.

use super::{DomainExecutor, registry};
use crate::ffi::{Lock, Root, enter_tokio};

impl DomainExecutor {
    /// Ends all tasks: each is dropped, here and now, and what awaits it gets
    /// [`Error::Abandoned`](crate::Error::Abandoned). A task that is being polled ends
    /// when that poll does. OCaml has forgotten all calls. Nothing runs in this
    /// executor from then on.
    ///
    /// Gives OCaml what is left to do, which is to cancel what the tasks awaited.
    pub(crate) fn close(&self, lock: &mut Lock) -> Root {
        self.shared.close();
        self.calls.forget_all();
        let _tokio = enter_tokio(self.shared.tokio());
        lock.lend(|| {
            self.tasks.close(self.shared);
            self.waits.close(self.shared.is_of_lwt());
        });
        let awaited = Root::new(self.hand_over(lock, false));
        self.record.replace(Root::UNIT);
        self.shared.disconnect();
        registry::forget(self);
        awaited
    }
    /// Ends an executor whose domain is gone, with all its threads, and has not closed
    /// it. What awaits one of its waits elsewhere gets
    /// [`Error::Abandoned`](crate::Error::Abandoned). Its tasks stay where they are: they
    /// are to be dropped only by a thread of the domain (rule 1).
    ///
    /// For a finaliser: it calls nothing of OCaml's (rule 10).
    pub(super) fn give_up(&self) {
        self.shared.close();
        self.calls.forget_all();
        self.waits.close(self.shared.is_of_lwt());
        self.actions.take();
        self.record.replace(Root::UNIT);
        self.shared.disconnect();
        registry::forget(self);
    }
}
