(** The calls of an executor whose results have not come: where each result
    goes. Only the domain of the executor may use it.

    Another thread of the domain may come between wherever OCaml allocates or
    calls a function, and the handler of a signal may raise there. No result is
    lost or given twice if that happens. *)

type t

val make : unit -> t

val slot_of : Raw.call_id -> int
(** [slot_of call] is the place of [call] among the calls. When its result was
    taken, another call may get the place. *)

val taken : Raw.call_id
(** The number of the call in an action whose result OCaml has taken. *)

(** {1 Results} *)

val settle : t -> Raw.actions -> unit
(** [settle t action] gives the result in a [Settle] action to the promise of
    the call, or keeps it for {!wait} and {!expect}. It does nothing if the
    result was taken, and for other actions.

    @raise exn the exception of a continuation, or of a signal handler. *)

val wait : t -> Raw.call_id -> on_cancel:(unit -> unit) -> 'a Lwt.t
(** [wait t call ~on_cancel] is the promise of the result of [call].
    [Lwt.cancel] runs [on_cancel]. *)

val expect : t -> Raw.call_id -> ('a, Raw.failure) result option ref -> unit
(** [expect t call result] is like {!wait}, but fills [result] when the call
    ends. It is expected alone: meanwhile no other call has a promise. *)

val forget_result : t -> Raw.call_id -> bool
(** [forget_result t call] forgets the result of [call], and returns whether it
    has come already. *)

(** {1 Cancellation} *)

val make_room : t -> int -> unit
(** [make_room t slot] makes {!cancel} possible for [slot]. It allocates. *)

val cancel : t -> int -> unit
(** [cancel t slot] forgets who waits for the result of the call in [slot]. The
    caller tells Rust. *)

val is_settled : t -> int -> bool
(** [is_settled t slot] is whether the promise of the call in [slot] is settled
    though its result has not come: Lwt has cancelled it. It is [false] if this
    version of Lwt does not tell. *)

val is_cancelled : t -> int -> bool
(** [is_cancelled t slot] is {!is_settled}, or [true] if this version of Lwt
    does not tell. *)

val find_lost : t -> bool
(** See {!Executor.find_lost}. *)

val has_lost : t -> bool

val take_lost : t -> int list
(** [take_lost t] is the slots that {!find_lost} has found since the last time.
*)

(** {1 The end} *)

val forget_all : t -> (unit -> unit) list
(** [forget_all t] forgets all calls, and returns functions that reject their
    promises with {!Errors.Abandoned}. *)
