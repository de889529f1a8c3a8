(** Every [external], and the types whose representation Rust knows. *)

type failure = exn * Printexc.raw_backtrace option
(** An exception, and its backtrace if it is known. *)

(** The result of a stub. No stub raises. *)
type _ outcome =
  | Done : unit outcome
  | Ready : 'a -> 'a outcome
  | Failed : exn * Printexc.raw_backtrace option -> 'a outcome

type context =
  | Nowhere  (** no context is known *)
  | Within of { mutable runs : (unit -> unit) Lwt.u }
      (** [runs] takes a function, and runs it in the context: see {!Context} *)

type wait = int
(** The number of a wait: of a task that awaits a Lwt promise. Settling a wait
    that has ended does nothing. *)

type call_id = int
(** Names a call. No other call of the executor ever has the same number. *)

(** The actions that Rust has left, in the order in which OCaml carries them
    out. *)
type actions =
  | Nothing
  | Come_back  (** tasks are runnable, and OCaml has to make the loop poll *)
  | Call : {
      closure : 'a -> 'b Lwt.t;
      argument : 'a;
      wait : wait;  (** the wait that the promise of [closure] settles *)
      context : context;
          (** the context of the call that [closure] was given to *)
      next : actions;
    }
      -> actions
  | Raise of exn * Printexc.raw_backtrace option
      (** raise an exception: the stub itself has failed, or code that Lwt runs
          has raised what Lwt does not catch *)
  | Observe : { promise : 'a Lwt.t; wait : wait; next : actions } -> actions
  | Cancel of { mutable promise : Obj.t; is_removable : bool; next : actions }
      (** cancel the promise, which Rust no longer awaits. [promise] and
          [is_removable] are the arguments of {!wait_promised}. [promise] is
          [()] when OCaml has begun *)
  | Forget of { mutable promise : Obj.t; is_removable : bool; next : actions }
      (** as [Cancel], but do not cancel the promise *)
  | Settle of {
      mutable call : call_id;
      is_value : bool;
      result : Obj.t;
      next : actions;
    }
      (** settle the promise of a call, with a value or a [failure]. [call] is
          negative when OCaml has taken the result *)
  | Report of { next : actions }
      (** give panics, long polls and records to their handlers *)

(** The result of a stub of an asynchronous function: the constructors of
    [outcome], and [Pending]. *)
type ('a, 'executor) call =
  | Returned_unit : (unit, 'executor) call
  | Returned : 'a -> ('a, 'executor) call
  | Raised : exn * Printexc.raw_backtrace option -> ('a, 'executor) call
  | Pending : {
      mutable call : call_id;
      executor : 'executor;
      mutable actions : actions;
      context : context;  (** the context of its closures *)
    }
      -> ('a, 'executor) call
      (** a call that waits, and the executor that runs it *)

(** The state of a wait when OCaml has its promise. *)
type begun =
  | Waits  (** OCaml has to settle the wait when the promise is settled *)
  | Cancels  (** the wait has ended, and OCaml has to cancel the promise *)
  | Detached  (** the wait has ended, and the promise goes on *)
  | For_the_loop  (** another thread runs the loop, and says it again *)

type 'a promise
(** A promise that Rust awaits and OCaml settles. Its finaliser rejects it. *)

type 'a stream
(** A Rust stream. Its finaliser drops it. *)

type 'a sink
(** A Rust sink. Its finaliser drops it. *)

type device
(** A Rust reader or writer. Its finaliser drops it. *)

type rust_function
(** A Rust function. Its finaliser drops it. *)

type shared
(** Bytes that belong to Rust. Nobody changes them. *)

type 'a chunk = {
  mutable items : 'a array;
  mutable is_last : bool;  (** no more items come *)
}
(** Items of a stream. Rust writes both fields. *)

type shown = {
  exn : exn;
  name : string;
  message : string;
  registered : string option;  (** the name given to [register_exception] *)
  backtrace : Printexc.raw_backtrace option;
  unix_error : Unix.error option;
}
(** An exception, with the properties that Rust reads. *)

type callbacks = {
  attach_executor : unit -> unit;
  capture_context : unit -> context;
  make_error :
    string * string list * string option * string option * exn option -> exn;
  make_unix_error : Unix.error -> exn;
  make_panic : string * string option * string option -> exn;
  make_abandoned : unit -> exn;
  show_exception : exn -> shown;
  begin_domain : unit -> unit;
  make_timeout : unit -> exn;
  make_canceled : unit -> exn;
  call_within : 'a 'b. context -> ('a -> 'b) -> 'a -> 'b;
  make_stream : 'a. 'a stream -> Obj.t;
  make_sink : 'a. 'a sink -> bool -> Obj.t;
  make_input : device -> Lwt_io.input_channel;
  make_output : device -> Lwt_io.output_channel;
  read_input : Lwt_io.input_channel * int -> bytes Lwt.t;
  write_output : Lwt_io.output_channel * bytes -> unit Lwt.t;
  flush_output : Lwt_io.output_channel * unit -> unit Lwt.t;
  close_output : Lwt_io.output_channel * unit -> unit Lwt.t;
  call_with_tuple : Obj.t * Obj.t -> Obj.t;
  make_function : rust_function -> int -> bool -> Obj.t;
  make_promise :
    (unit -> unit) ->
    Obj.t Lwt.t
    * (Obj.t -> unit Lwt.t)
    * (failure -> unit Lwt.t)
    * (unit -> unit Lwt.t);
}
(** The functions that Rust calls. Rust finds each by the number of its field.
*)

external archive_version : unit -> string = "lwt_rust_archive_version"
(** The version of OCaml that the archive was built for, or [""] if cargo alone
    has built it. *)

external callbacks_register : callbacks -> unit outcome
  = "lwt_rust_callbacks_register"

external executor_attach : int -> bool -> bool outcome
  = "lwt_rust_executor_attach"

(* ['notification] is the result type of [Lwt_unix.make_notification]: an integer, or in
   Lwt 6 an abstract type that is represented as one. *)
external executor_create :
  int -> 'notification option -> 'executor -> Unix.file_descr option outcome
  = "lwt_rust_executor_create"

external executor_life : Unix.file_descr option -> Obj.t outcome
  = "lwt_rust_executor_life"

external executor_poll : unit -> actions = "lwt_rust_executor_poll"

external executor_is_woken : unit -> bool = "lwt_rust_executor_is_woken"
[@@noalloc]

(** The state of the executor when a loop begins a turn. [Owed]: the loop has to
    poll. [Unattached]: no executor of the Lwt loop is attached to this thread.
    [Forked]: the executor has stayed in the parent of this forked process. *)
type turn = Quiet | Owed | Unattached | Forked

external executor_begin_turn : unit -> turn = "lwt_rust_executor_begin_turn"
[@@noalloc]

external executor_look : unit -> turn = "lwt_rust_executor_look"
[@@noalloc]
(** The same, on a thread that need not be the loop's. *)

external executor_is_thread_of_loop : unit -> bool
  = "lwt_rust_executor_is_thread_of_loop"
[@@noalloc]
(** Whether the loop has begun its last turn on the calling thread. *)

external executor_is_beside_the_loop : unit -> bool
  = "lwt_rust_executor_is_beside_the_loop"
[@@noalloc]
(** Whether the loop has begun its last turn on another thread of the domain.
    Then the calling thread must not touch the state of Lwt. *)

external executor_tell : unit -> unit = "lwt_rust_executor_tell"
[@@noalloc]
(** Sends the notification that wakes the loop. *)

external executor_close : unit -> actions = "lwt_rust_executor_close"

external call_is_pending : int -> bool = "lwt_rust_call_is_pending"
[@@noalloc]
(** Whether the call in a slot has not completed. *)

external call_cancel : int -> actions = "lwt_rust_call_cancel"
external call_drain : float -> (unit, 'executor) call = "lwt_rust_call_drain"

external call_in_lwt : (unit -> 'a Lwt.t) -> ('a, 'executor) call
  = "lwt_rust_call_in_lwt"

external wait_promised : wait -> 'promise -> bool -> begun
  = "lwt_rust_wait_promised"
[@@noalloc]
(** OCaml has the promise of the wait, and the promise is pending. The flag is
    the [is_removable] of [Cancel]. *)

external wait_resolve : wait -> 'a -> bool -> actions = "lwt_rust_wait_resolve"
(** The flag is [true] if the wait belongs to the executor of the calling
    domain, and [false] if it belongs to that of the Lwt loop. *)

external wait_reject : wait -> shown -> bool -> actions = "lwt_rust_wait_reject"
external promise_create : unit -> 'a promise outcome = "lwt_rust_promise_create"

external promise_resolve : 'a promise -> 'a -> bool outcome
  = "lwt_rust_promise_resolve"

external promise_reject : 'a promise -> shown -> bool outcome
  = "lwt_rust_promise_reject"

external stream_pull : 'a stream -> int -> 'a chunk -> (unit, 'executor) call
  = "lwt_rust_stream_pull"
(** Puts at least one item into the chunk, and at most so many, or ends it. *)

external stream_close : 'a stream -> unit outcome = "lwt_rust_stream_close"

external sink_send : 'a sink -> 'a -> bool -> (unit, 'executor) call
  = "lwt_rust_sink_send"

(** The flag says whether to flush the sink after that. *)

external sink_flush : 'a sink -> (unit, 'executor) call = "lwt_rust_sink_flush"
external sink_close : 'a sink -> (unit, 'executor) call = "lwt_rust_sink_close"

external channel_create : int option -> Obj.t outcome
  = "lwt_rust_channel_create"
(** The sink and the stream of a channel with this capacity. *)

external function_call : rust_function -> 'a -> 'b outcome
  = "lwt_rust_function_call"
(** Several arguments are a tuple. *)

external function_begin : rust_function -> 'a -> ('b, 'executor) call
  = "lwt_rust_function_begin"

external bytes_share : 'source -> int -> int -> shared outcome
  = "lwt_rust_bytes_share"
(** Copies bytes of a string, or of an array of [Bigarray]. *)

external bytes_copy : shared -> int -> 'target -> int -> int -> unit outcome
  = "lwt_rust_bytes_copy"
(** Copies bytes into a [bytes], or into an array of [Bigarray]. *)

external bytes_compare : 'bytes -> 'bytes -> int outcome
  = "lwt_rust_bytes_compare"
(** Compares two values of [Lwt_rust.Bytes.t]. *)

external device_run :
  device -> Lwt_bytes.t -> int -> int -> (unit, 'executor) call
  = "lwt_rust_device_run"
(** Begins to read bytes, or to write those of the buffer, and waits until that
    is done. *)

external device_take : device -> Lwt_bytes.t -> int -> int -> int outcome
  = "lwt_rust_device_take"
(** Takes the result: puts bytes that were read into the buffer. Returns the
    number of bytes. *)

external device_close : device -> (unit, 'executor) call
  = "lwt_rust_device_close"

external runtime_configure : bool -> int option -> string -> unit outcome
  = "lwt_rust_runtime_configure"

external runtime_refuse : unit -> unit outcome = "lwt_rust_runtime_refuse"

external runtime_stop : 'notification -> float -> unit outcome
  = "lwt_rust_runtime_stop"

external thread_number : unit -> int outcome = "lwt_rust_thread_number"
(** A positive number, which no other thread of the process ever has. *)

external domain_end : (unit -> unit) -> unit outcome = "lwt_rust_domain_end"

external runtime_live : unit -> (int * int * int) outcome
  = "lwt_rust_runtime_live"

type metrics = {
  workers : int;
  tokio_tasks : int;
  tokio_queue : int;
  blocking_running : int;
  blocking_waiting : int;
  calls : int;
  calls_pending : int;
  polls : int;
  turns : int;
  notifications : int;
  longest_poll : float option;
}
(** See {!Lwt_rust.Runtime.metrics}. *)

external runtime_metrics : int -> metrics outcome = "lwt_rust_runtime_metrics"
(** OCaml counts the turns, and gives their number. *)

external polls_are_reported : float option -> unit outcome
  = "lwt_rust_polls_are_reported"

external polls_take : unit -> (string * float) list outcome
  = "lwt_rust_polls_take"

(** The levels of records, without [Nothing]. *)
type level = Error | Warning | Info | Debug | Trace

type record = {
  level : level;
  target : string;
  message : string;
  fields : (string * string) list;
  spans : (string * (string * string) list) list;
  location : string option;
  time : float;
}
(** See {!Lwt_rust.Log.record}. *)

external logs_start : int -> unit outcome = "lwt_rust_logs_start"
(** The number is how many records may wait. *)

external logs_set_levels : int -> (string * int) list -> unit outcome
  = "lwt_rust_logs_set_levels"
(** A level has the number of its constructor and 1 more; 0 is for none. *)

external logs_take : unit -> record list outcome = "lwt_rust_logs_take"
(** The first records that wait, the last one first. *)

external logs_are_waiting : unit -> bool outcome = "lwt_rust_logs_are_waiting"
external logs_dropped : unit -> int outcome = "lwt_rust_logs_dropped"

external panics_are_reported : bool -> unit outcome
  = "lwt_rust_panics_are_reported"

external exception_message : exn -> string option outcome
  = "lwt_rust_exception_message"
(** The message of the Rust error that an exception stands for. *)

external panics_take :
  unit -> (string * string option * string option) list outcome
  = "lwt_rust_panics_take"
