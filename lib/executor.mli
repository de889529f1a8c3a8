(** The OCaml side of a Rust executor: who waits for which call. Everything is
    for the domain of the executor. *)

(** Who waits for a call. *)
type pending =
  | Vacant  (** nobody *)
  | Awaited : 'a Lwt.u -> pending  (** a promise *)
  | Expected : ('a, Raw.failure) result option ref -> pending
      (** [Own_loop.run] *)

type t = {
  mutable resolvers : pending array;  (** by the slots of the calls *)
  completions : Obj.t array;
      (** Written by Rust during a poll, in pairs: the slot, doubled, plus one
          for a rejection; and the value or the failure. *)
  mutable stored : int;  (** the completions of the last poll *)
  mutable read : int;  (** those of them that were read *)
}

val make : unit -> t
(** [make ()] waits for nothing. *)

val poll : t -> unit
(** [poll t] runs what is runnable in the calling domain's executor, whose
    record is [t] and whose earlier completions were all read. Then it reports
    panics, and raises what Lwt does not catch. *)

val has_completions : t -> bool
(** [has_completions t] is whether {!settle} has something to do. *)

val settle : t -> unit
(** [settle t] reads the completions of the last poll. A continuation may raise
    (what [Lwt.async_exception_hook] raises, or what Lwt's exception filter lets
    through): then it leaves by the loop, as it would without us, and the rest
    is read by the next [settle].

    @raise exn whatever a continuation raised. *)

val wait : t -> int -> 'a Lwt.t
(** [wait t slot] is the promise of the call in [slot], which the executor has
    just taken up. Cancelling it cancels the call. *)

val keep : t -> int -> pending -> unit
(** [keep t slot pending] makes [pending] wait for the call in [slot]. *)

val cancel : t -> int -> unit
(** [cancel t slot] cancels the call in [slot]. *)

val take_pending : t -> pending list
(** [take_pending t] forgets all calls, and gives who waits for them. *)

val abandon : pending -> unit
(** [abandon pending] rejects what waits with {!Errors.Abandoned}. *)
