//! Descriptors of files, sockets and pipes.

use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};

use super::{FromOcaml, IntoOcaml, OcamlType, mismatch};
use crate::{
    bindings::Type,
    error::Error,
    ocaml::{Lock, Val},
};

/// `Unix.file_descr`. As an argument, it is a duplicate: OCaml still has to close its own, and
/// each side may close its own at any time. As a result, it belongs to OCaml, which has to
/// close it.
///
/// OCaml's descriptor is a number, so no collector closes it. If a call is cancelled just when it
/// has completed, or a stream is closed when an item has come that no reader has taken, nobody
/// closes the descriptors in that result or item.
///
/// Duplicates share their flags. So if Rust needs a descriptor that does not block, such as
/// for `tokio::net::UnixStream::from_std`, OCaml's does not block either; `Lwt_unix` can use
/// it even so.
///
/// ```
/// use std::os::{fd::OwnedFd, unix::net::UnixStream};
///
/// use lwt_rust::{Error, LwtInput, func};
///
/// /// In OCaml: `val reader : Unix.file_descr -> Lwt_io.input_channel Lwt.t`
/// #[func]
/// async fn reader(descriptor: OwnedFd) -> Result<LwtInput, Error> {
///     let socket = UnixStream::from(descriptor);
///     socket.set_nonblocking(true)?;
///     Ok(LwtInput::new(tokio::net::UnixStream::from_std(socket)?))
/// }
/// # lwt_rust::library! { reader }
/// ```
// SAFETY: the conversions below are those of `Unix.file_descr`, a number.
unsafe impl OcamlType for OwnedFd {
    const TYPE: Type = Type::named("Unix.file_descr");
}

impl FromOcaml for OwnedFd {
    unsafe fn from_ocaml(value: Val<'_>) -> Result<Self, Error> {
        let number = value.as_int().and_then(|int| i32::try_from(int).ok());
        let number = number
            .filter(|number| *number >= 0)
            .ok_or_else(|| mismatch("Unix.file_descr"))?;
        // SAFETY: the number is not negative. The descriptor is used for one call of the
        // system, which refuses it if it is not open.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        Ok(descriptor.try_clone_to_owned()?)
    }
}

// SAFETY: it is a number.
unsafe impl IntoOcaml for OwnedFd {
    fn into_ocaml(self, lock: &mut Lock) -> Result<Val<'_>, Error> {
        self.into_raw_fd().into_ocaml(lock)
    }
}
