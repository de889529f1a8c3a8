//! The OCaml functions that Rust calls.
//!
//! `Callbacks` in `lib/` registers them once, as one record. Rust finds a function by the
//! number of its field, never by a name.

use once_cell::sync::OnceCell;

use crate::ocaml::{Lock, Raised, Root, Val};

/// The functions, in the order of the record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callback {
    /// `unit -> unit`: attaches the domain's executor to the thread.
    AttachExecutor = 0,
    /// `unit -> context`: the context of the present call.
    CaptureContext = 1,
    /// `string * string list * string option * string option * exn option -> exn`
    MakeError = 2,
    /// `Unix.error -> exn`
    MakeUnixError = 3,
    /// `string * string option * string option -> exn`
    MakePanic = 4,
    /// `unit -> exn`
    MakeAbandoned = 5,
    /// `exn -> shown`: describes an exception that was raised just now.
    ShowException = 6,
    /// `unit -> unit`: called when the domain uses Rust for the first time.
    BeginDomain = 7,
    /// `unit -> exn`
    MakeTimeout = 8,
    /// `unit -> exn`
    MakeCanceled = 9,
    /// `context -> ('a -> 'b) -> 'a -> 'b`: calls a function in a context.
    CallWithin = 10,
    /// `'a stream -> 'a Lwt_rust.Stream.t`
    MakeStream = 11,
    /// `'a sink -> bool -> 'a Lwt_rust.Sink.t`: the flag is false if there is never anything
    /// to flush.
    MakeSink = 12,
    /// `device -> Lwt_io.input_channel`
    MakeInput = 13,
    /// `device -> Lwt_io.output_channel`
    MakeOutput = 14,
    /// `Lwt_io.input_channel * int -> bytes Lwt.t`: reads at most so many bytes; none at the
    /// end.
    ReadInput = 15,
    /// `Lwt_io.output_channel * bytes -> unit Lwt.t`
    WriteOutput = 16,
    /// `Lwt_io.output_channel * unit -> unit Lwt.t`
    FlushOutput = 17,
    /// `Lwt_io.output_channel * unit -> unit Lwt.t`
    CloseOutput = 18,
    /// `('a -> 'b -> 'c) * ('a * 'b) -> 'c`, and the same for more arguments: calls a function
    /// with the components of a tuple.
    CallWithTuple = 19,
    /// `rust_function -> int -> bool -> ('a -> 'b)`: makes a function of so many arguments. The
    /// flag is true if it returns a promise.
    MakeFunction = 20,
    /// `(unit -> unit) -> 'a Lwt.t * ('a -> unit Lwt.t) * (failure -> unit Lwt.t) *
    /// (unit -> unit Lwt.t)`: makes a promise, and functions that resolve, reject and abandon
    /// it. Cancelling it calls the argument.
    MakePromise = 21,
}

pub(crate) const COUNT: usize = Callback::MakePromise as usize + 1;

static CALLBACKS: OnceCell<[Root; COUNT]> = OnceCell::new();

/// Keeps the functions of the record. Later calls change nothing.
///
/// # Errors
///
/// If there are not [`COUNT`] functions. The error says how many there are.
pub(crate) fn register(record: Val<'_>) -> Result<(), usize> {
    let mut fields = Vec::with_capacity(COUNT);
    for index in 0..record.size() {
        fields.extend(record.field(index).map(Root::new));
    }
    let found = fields.len();
    let fields = fields.try_into().map_err(|_| found)?;
    CALLBACKS.get_or_init(|| fields);
    Ok(())
}

/// Whether the module `Lwt_rust` is there.
pub(crate) fn are_registered() -> bool {
    CALLBACKS.get().is_some()
}

/// One of the functions. `None` if they were not registered yet.
pub(crate) fn callback(callback: Callback, lock: &Lock) -> Option<Root> {
    let closure = &CALLBACKS.get()?[callback as usize];
    Some(Root::new(closure.get(lock)))
}

/// Calls a function. `None` if the functions were not registered yet.
#[inline]
pub(crate) fn call_back<'l>(
    lock: &'l mut Lock,
    callback: Callback,
    arguments: &[&Root],
) -> Option<Result<Val<'l>, Raised>> {
    let closure = &CALLBACKS.get()?[callback as usize];
    Some(lock.call(closure, arguments))
}
