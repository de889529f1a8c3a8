(** Every [external], and the types whose representation Rust knows. *)

type failure = exn * Printexc.raw_backtrace option
(** Why something failed, and where if that is known. *)

(** What a stub returns. No stub raises. *)
type _ outcome =
  | Done : unit outcome
  | Ready : 'a -> 'a outcome
  | Failed : exn * Printexc.raw_backtrace option -> 'a outcome

(** What a stub of an asynchronous function returns: the constructors of
    [outcome] and one more. *)
type ('a, 'executor) call =
  | Returned_unit : (unit, 'executor) call
  | Returned : 'a -> ('a, 'executor) call
  | Raised : exn * Printexc.raw_backtrace option -> ('a, 'executor) call
  | Pending : {
      mutable slot : int;
      executor : 'executor;
    }
      -> ('a, 'executor) call  (** its slot, and the executor that runs it *)

(** What polling an executor returns: the tags of [outcome]. *)
type polled =
  | Nothing
  | Stored of int
      (** the number of completions to be read, and [panics] if there are any *)
  | Poll_failed of exn * Printexc.raw_backtrace option

let panics = 1 lsl 16

type wait = int
(** Names a future that awaits a Lwt promise, as long as it does. Settling one
    that no longer waits does nothing. *)

(** What Rust sees of a promise that it is about to await. *)
type 'a observed = Resolved of 'a | Rejected of exn | Waiting of wait

type 'a promise
(** A promise that Rust awaits and OCaml settles. Collected, it rejects. *)

type shown = string * string * string option * Printexc.raw_backtrace option
(** The name and the message of an exception, the name that it is registered
    under, and where it was raised. *)

type callbacks = {
  attach_executor : unit -> unit;
  invoke : 'a 'b. ('a -> 'b Lwt.t) -> 'a -> 'b observed;
  observe : 'a. 'a Lwt.t -> 'a observed;
  cancel : 'a. 'a Lwt.t -> unit;
  make_error : string * string list * string * string option -> exn;
  make_unix_error : Unix.error -> exn;
  make_panic : string * string * string option -> exn;
  make_abandoned : unit -> exn;
  show_exception : exn -> bool -> shown;
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

external executor_attach : int -> bool -> bool outcome
  = "lwt_rust_executor_attach"

(* ['notification] is what [Lwt_unix.make_notification] gives: an integer, or
   in Lwt 6 an abstract type that is represented as one. *)
external executor_create :
  int ->
  'notification option ->
  'executor ->
  Obj.t array ->
  Unix.file_descr option outcome = "lwt_rust_executor_create"

external executor_life : unit -> Obj.t outcome = "lwt_rust_executor_life"
external executor_poll : unit -> polled = "lwt_rust_executor_poll"

external executor_is_woken : unit -> bool = "lwt_rust_executor_is_woken"
[@@noalloc]

type turn = (int, Bigarray.int_elt, Bigarray.c_layout) Bigarray.Array1.t
(** The turns of a loop, in memory of Rust's: what is in it is read and written
    on both sides. *)

(** Its element that is the thread which is in a turn, or 0: that thread has
    promised to look at the executor before it blocks. *)
let turn_thread = 0

(** Its element that is 0 if nothing was left to the loop to see, since it
    looked last. *)
let turn_news = 1

external executor_lwt_turn : unit -> turn outcome = "lwt_rust_executor_lwt_turn"
(** Those of the Lwt loop. *)

(** What there is at the beginning of a turn: [News] may be nothing; to an
    [Unattached] thread, no executor of the Lwt loop was attached; one that is
    [Forked] has stayed in the process that this one was forked from. *)
type begun = Quiet | News | Unattached | Forked

external executor_begin_turn : unit -> begun = "lwt_rust_executor_begin_turn"
[@@noalloc]

external executor_begin_run : unit -> unit = "lwt_rust_executor_begin_run"
[@@noalloc]
(** As one turn, of a loop that is not Lwt's. *)

external executor_tell_turn : unit -> unit = "lwt_rust_executor_tell_turn"
[@@noalloc]
(** There is something for the loop to see at the end of its turn. *)

external executor_end_turn : unit -> bool = "lwt_rust_executor_end_turn"
[@@noalloc]

external executor_finish_turn : unit -> bool = "lwt_rust_executor_finish_turn"
[@@noalloc]
(** As [executor_end_turn], but if the executor is owed a poll the turn goes on;
    and if it is not, nothing is left to see. *)

external executor_close : unit -> unit outcome = "lwt_rust_executor_close"

external executor_notifications : unit -> int outcome
  = "lwt_rust_executor_notifications"

external call_cancel : int -> unit outcome = "lwt_rust_call_cancel"
external call_drain : float -> (unit, 'executor) call = "lwt_rust_call_drain"

external call_in_lwt : (unit -> 'a Lwt.t) -> ('a, 'executor) call
  = "lwt_rust_call_in_lwt"

external wait_begin : 'a Lwt.t -> wait = "lwt_rust_wait_begin"
[@@noalloc]
(** Of a pending promise. -1 in a domain that runs no Lwt loop, -2 if there are
    too many. *)

external wait_give_up : wait -> unit outcome = "lwt_rust_wait_give_up"
external wait_resolve : wait -> 'a -> unit outcome = "lwt_rust_wait_resolve"
external wait_reject : wait -> exn -> unit outcome = "lwt_rust_wait_reject"
external promise_create : unit -> 'a promise outcome = "lwt_rust_promise_create"

external promise_resolve : 'a promise -> 'a -> bool outcome
  = "lwt_rust_promise_resolve"

external promise_reject : 'a promise -> exn -> bool outcome
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

external panics_take : unit -> (string * string * string option) list outcome
  = "lwt_rust_panics_take"
