//! The end of an executor.

use super::{DomainExecutor, actions::Action, registry};
use crate::{
    ocaml::{Lock, Root},
    runtime::enter_tokio,
};

impl DomainExecutor {
    /// Ends all tasks: drops each of them now, and the future that awaits it gets
    /// [`Error::Abandoned`](crate::Error::Abandoned). A task that is being polled ends when
    /// that poll does. OCaml has forgotten all calls. Nothing runs in this executor from
    /// then on.
    ///
    /// Returns the actions that are left for OCaml: to cancel the promises that the tasks
    /// and other threads awaited.
    pub(crate) fn close(&self, lock: &mut Lock) -> Root {
        self.shared.close();
        self.calls.forget_all();
        let _tokio = enter_tokio(self.shared.tokio());
        let awaited_elsewhere = lock.lend(|| {
            self.shared.spawned().end_all();
            self.tasks.close(self.shared, &self.drivers);
            self.forget_drivers();
            self.waits.close(self.shared.is_of_lwt())
        });
        for awaited in awaited_elsewhere {
            self.leave(Action::Cancel(awaited));
        }
        let awaited = Root::new(self.hand_over(lock, false));
        self.record.replace(Root::UNIT);
        self.shared.disconnect();
        registry::forget(self);
        awaited
    }

    /// Ends an executor whose domain is gone, with all its threads, and has not closed it.
    /// A promise that another thread awaits by one of its waits gets
    /// [`Error::Abandoned`](crate::Error::Abandoned). The tasks stay where they are, since
    /// only a thread of the domain may drop them (rule 1).
    ///
    /// Finalisers call it, so it calls no function of OCaml's (rule 10).
    pub(super) fn give_up(&self) {
        self.shared.close();
        self.calls.forget_all();
        drop(self.waits.close(self.shared.is_of_lwt()));
        self.actions.take();
        self.record.replace(Root::UNIT);
        self.shared.disconnect();
        registry::forget(self);
    }
}
