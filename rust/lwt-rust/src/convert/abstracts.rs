//! Rust values as abstract OCaml types.

use std::{any::Any, fmt, ops::Deref, sync::Arc};

use super::{FromOcaml, IntoOcaml, OcamlType, content::Content};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// A Rust type whose values OCaml may hold, as values of an abstract type. The derive
/// implements it:
///
/// ```no_run
/// /// `type counter`
/// #[derive(lwt_rust::AbstractType)]
/// struct Counter(std::sync::atomic::AtomicU64);
/// ```
///
/// A function may return a `Counter`, and takes an [`Abstract<Counter>`](Abstract). With the
/// attribute [`methods`](crate::methods) it has methods.
///
/// `#[ocaml(name = "...")]` chooses another name for the OCaml type, and
/// `#[ocaml(size = f)]` a function that returns the size of a value.
///
/// # Safety
///
/// `PATH` is that of a record which declares an abstract type for this Rust type, and for
/// no other. The derive makes such a record.
pub unsafe trait AbstractType: Send + Sync + 'static {
    /// The name of the OCaml type, as messages say it.
    const NAME: &'static str;

    /// The path of the record in which the derive describes the type.
    #[doc(hidden)]
    const PATH: &'static str;

    /// About how many bytes the value takes. OCaml's collector runs the earlier, the more
    /// memory such values take.
    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// A Rust value that OCaml holds. As with an [`Arc`], all clones of an `Abstract` share
/// the value.
///
/// The value is dropped when OCaml's collector has found that OCaml does not need it any
/// more, and Rust has dropped its clones. A [`Taken`] ends the value earlier. For
/// example, a server that only an abstract value keeps alive ends some time after OCaml
/// has stopped naming that value.
///
/// The destructor runs on any thread, in tokio's context if the runtime has started, and
/// perhaps without the lock of any domain. So it may spawn a task with `tokio::spawn`, as
/// the destructor of a connection does, but must not call OCaml.
/// Without a runtime, `tokio::spawn` panics. The panic is reported, and disturbs nothing
/// else. A program that makes such values calls `Lwt_rust.Runtime.start ()` first.
pub struct Abstract<T>(Arc<T>);

impl<T: AbstractType> Abstract<T> {
    /// A value to give to OCaml.
    pub fn new(value: T) -> Self {
        Abstract(Arc::new(value))
    }
}

impl<T> From<Arc<T>> for Abstract<T> {
    fn from(value: Arc<T>) -> Self {
        Abstract(value)
    }
}

impl<T> From<Abstract<T>> for Arc<T> {
    fn from(value: Abstract<T>) -> Self {
        value.0
    }
}

impl<T> Deref for Abstract<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Abstract<T> {
    fn clone(&self) -> Self {
        Abstract(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Abstract<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// SAFETY: the declared type has no values but those of this Rust type, and each value is
// checked when it is read. `T` is `'static`.
unsafe impl<T: AbstractType> OcamlType for Abstract<T> {
    const TYPE: Type = Type::declared(T::PATH);
}

impl<T: AbstractType> FromOcaml for Abstract<T> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let content = Content::of(value).and_then(|content| content.get());
        shared(content).map(Abstract)
    }
}

// SAFETY: as for its type.
unsafe impl<T: AbstractType> IntoOcaml for Abstract<T> {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        // The collector adds such sizes up, and the sum must not overflow.
        let size = self.0.size().min(MOST_BYTES);
        Ok(Content::new(self.0).into_ocaml(lock, size))
    }
}

/// An [`Abstract`] that is taken away from its OCaml value, for functions that close
/// something. A later use of the OCaml value is an error.
///
/// ```no_run
/// use lwt_rust::{AbstractType, Taken};
///
/// #[derive(AbstractType)]
/// struct Connection(tokio::net::TcpStream);
///
/// /// Closes the connection when the last call that uses it ends.
/// #[lwt_rust::func]
/// fn close(connection: Taken<Connection>) {
///     drop(connection);
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Taken<T>(pub Abstract<T>);

// SAFETY: as for `Abstract`.
unsafe impl<T: AbstractType> OcamlType for Taken<T> {
    const TYPE: Type = Abstract::<T>::TYPE;
}

impl<T: AbstractType> FromOcaml for Taken<T> {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        // A value of another type is an error, and keeps its content.
        // SAFETY: the caller says so.
        unsafe { Abstract::<T>::from_ocaml(value) }?;
        let content = Content::of(value).and_then(|content| content.take());
        shared(content).map(|value| Taken(Abstract(value)))
    }
}

/// The greatest size that is told to OCaml's collector.
pub(crate) const MOST_BYTES: usize = isize::MAX as usize >> 16;

fn shared<T: AbstractType>(content: Option<Arc<dyn Any + Send + Sync>>) -> Result<Arc<T>, Error> {
    let content = content.ok_or_else(|| closed(T::NAME))?;
    content.downcast().map_err(|_| super::mismatch(T::NAME))
}

#[cold]
pub(super) fn closed(name: &str) -> Error {
    Error::message(format!(
        "this value of type {name} was closed, or was never one"
    ))
}
