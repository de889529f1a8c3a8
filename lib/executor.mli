(** The OCaml side of a Rust executor: who waits for which call. Everything is
    for the domain of the executor. *)

type t

val make : unit -> t
(** [make ()] waits for nothing. *)

val completions : t -> Obj.t array
(** [completions t] is the array through which Rust gives results. *)

val poll : t -> unit
(** [poll t] runs what is runnable in the calling domain's executor, whose
    record is [t] and whose earlier completions were all read. Then it reports
    panics, and raises what Lwt does not catch.

    @raise Errors.Abandoned if Rust was shut down. *)

val has_completions : t -> bool
(** [has_completions t] is whether {!settle} has something to do. *)

val settle : t -> unit
(** [settle t] reads the completions of the last poll. A continuation may raise
    (what [Lwt.async_exception_hook] raises, or what Lwt's exception filter lets
    through): then it leaves by the loop, as it would without us, and the rest
    is read by the next [settle].

    @raise exn whatever a continuation raised. *)

val wait : t -> int -> on_cancel:(unit -> unit) -> 'a Lwt.t
(** [wait t slot ~on_cancel] is the promise of the call in [slot], which the
    executor has just taken up. Cancelling it runs [on_cancel], which has to
    {!cancel} the call. *)

val expect : t -> int -> ('a, Raw.failure) result option ref
(** [expect t slot] is like {!wait}, where there is no Lwt: it has a result when
    the call has. An executor expects one call at a time, and then waits for no
    other. *)

val cancel : t -> int -> unit
(** [cancel t slot] cancels the call in [slot], which somebody waits for. *)

val abandon_all : t -> unit
(** [abandon_all t] forgets all calls, and rejects what waits for them with
    {!Errors.Abandoned}.

    @raise exn what a continuation has raised first, when all are rejected. *)

val forget_all : t -> (unit -> unit) list
(** [forget_all t] forgets all calls, and gives what rejects them. *)
