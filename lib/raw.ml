(** Every [external], and the types whose representation Rust knows. *)

type failure = exn * Printexc.raw_backtrace option
(** Why something failed, and where if that is known. *)

(** What a stub returns. No stub raises. *)
type _ outcome =
  | Done : unit outcome
  | Ready : 'a -> 'a outcome
  | Failed : exn * Printexc.raw_backtrace option -> 'a outcome

type context =
  | Nowhere  (** none is known *)
  | Within of { mutable runs : (unit -> unit) Lwt.u }
      (** See {!Context}: what runs a function there. *)

type wait = int
(** Names a future that awaits a Lwt promise, as long as it does. Settling one
    that no longer waits does nothing. *)

(** What Rust has left for OCaml to do, in this order. *)
type actions =
  | Nothing
  | Come_back
      (** Work is left: the loop has to poll, and nobody has told it. *)
  | Call : {
      closure : 'a -> 'b Lwt.t;
      argument : 'a;
      wait : wait;  (** that the promise settles *)
      context : context;  (** that of the call that [closure] was given to *)
      next : actions;
    }
      -> actions
  | Failed_stub of exn * Printexc.raw_backtrace option  (** by itself *)
  | Observe : { promise : 'a Lwt.t; wait : wait; next : actions } -> actions
  | Cancel of { promise : Obj.t; is_removable : bool; next : actions }
      (** a promise that nobody awaits any more, as [wait_promised] was told it
      *)
  | Forget of { promise : Obj.t; is_removable : bool; next : actions }
      (** as [Cancel]; it is left alone *)
  | Resolve of { slot : int; value : Obj.t; next : actions }
      (** the promise of a call *)
  | Reject of { slot : int; failure : failure; next : actions }
  | Report of { next : actions }  (** panics to the reporter *)

(** What a stub of an asynchronous function returns: the constructors of
    [outcome] and one more. *)
type ('a, 'executor) call =
  | Returned_unit : (unit, 'executor) call
  | Returned : 'a -> ('a, 'executor) call
  | Raised : exn * Printexc.raw_backtrace option -> ('a, 'executor) call
  | Pending : {
      mutable slot : int;
      executor : 'executor;
      mutable actions : actions;
      context : context;  (** of the closures that it was given *)
    }
      -> ('a, 'executor) call  (** its slot, and the executor that runs it *)

(** What there is to do with a promise that Rust has asked for. *)
type begun =
  | Waits  (** it settles the wait *)
  | Cancels  (** nobody awaits it any more *)
  | Detached  (** nor is it to be cancelled *)

type 'a promise
(** A promise that Rust awaits and OCaml settles. Collected, it rejects. *)

type shown = {
  exn : exn;
  name : string;
  message : string;
  registered : string option;  (** the name that it is registered under *)
  backtrace : Printexc.raw_backtrace option;
}
(** What Rust knows of an exception. *)

type backtrace
(** Of Rust code. Rust finds the names of its functions when it is shown. *)

type callbacks = {
  attach_executor : unit -> unit;
  capture_context : unit -> context;
  make_error : string * string list * string * backtrace option -> exn;
  make_unix_error : Unix.error -> exn;
  make_panic : string * string * backtrace option -> exn;
  make_abandoned : unit -> exn;
  show_exception : exn -> shown;
  begin_domain : unit -> unit;
  make_timeout : unit -> exn;
  make_canceled : unit -> exn;
}
(** The functions that Rust calls, found by the numbers of their fields. *)

external archive_version : unit -> string = "lwt_rust_archive_version"
(** The version of OCaml that the archive was built for; [""] if it was built by
    cargo alone. *)

external callbacks_register : callbacks -> unit outcome
  = "lwt_rust_callbacks_register"

external backtrace_show : backtrace -> string outcome
  = "lwt_rust_backtrace_show"

external executor_attach : int -> bool -> bool outcome
  = "lwt_rust_executor_attach"

(* ['notification] is what [Lwt_unix.make_notification] gives: an integer, or
   in Lwt 6 an abstract type that is represented as one. *)
external executor_create :
  int -> 'notification option -> 'executor -> Unix.file_descr option outcome
  = "lwt_rust_executor_create"

external executor_life : Unix.file_descr option -> Obj.t outcome
  = "lwt_rust_executor_life"

external executor_poll : unit -> actions = "lwt_rust_executor_poll"

external executor_is_woken : unit -> bool = "lwt_rust_executor_is_woken"
[@@noalloc]

(** What there is when a loop begins a turn: to an [Unattached] thread, no
    executor of the Lwt loop was attached; one that is [Forked] has stayed in
    the process that this one was forked from. *)
type turn = Quiet | Owed | Unattached | Forked

external executor_begin_turn : unit -> turn = "lwt_rust_executor_begin_turn"
[@@noalloc]

external executor_tell : unit -> unit = "lwt_rust_executor_tell"
[@@noalloc]
(** Sends the notification. *)

external executor_close : unit -> actions = "lwt_rust_executor_close"

external executor_notifications : unit -> int outcome
  = "lwt_rust_executor_notifications"

external call_cancel : int -> actions = "lwt_rust_call_cancel"
external call_drain : float -> (unit, 'executor) call = "lwt_rust_call_drain"

external call_in_lwt : (unit -> 'a Lwt.t) -> ('a, 'executor) call
  = "lwt_rust_call_in_lwt"

external wait_promised : wait -> 'promise -> bool -> begun
  = "lwt_rust_wait_promised"
[@@noalloc]
(** The promise that Rust has asked for is there, and pending. The flag is that
    of [Cancel]. *)

external wait_resolve : wait -> 'a -> bool -> actions = "lwt_rust_wait_resolve"
(** The flag says whether the calling domain has asked for the promise; else it
    was that of the Lwt loop. *)

external wait_reject : wait -> shown -> bool -> actions = "lwt_rust_wait_reject"
external promise_create : unit -> 'a promise outcome = "lwt_rust_promise_create"

external promise_resolve : 'a promise -> 'a -> bool outcome
  = "lwt_rust_promise_resolve"

external promise_reject : 'a promise -> shown -> bool outcome
  = "lwt_rust_promise_reject"

external runtime_configure : bool -> int option -> string -> unit outcome
  = "lwt_rust_runtime_configure"

external runtime_stop : 'notification -> float -> unit outcome
  = "lwt_rust_runtime_stop"

external domain_end : (unit -> unit) -> unit outcome = "lwt_rust_domain_end"

external runtime_live : unit -> (int * int * int) outcome
  = "lwt_rust_runtime_live"

external panics_are_reported : bool -> unit outcome
  = "lwt_rust_panics_are_reported"

external panics_take : unit -> (string * string * backtrace option) list outcome
  = "lwt_rust_panics_take"
