(** The OCaml side of a Rust executor: it carries out what Rust has left for
    OCaml to do, and knows who waits for which call. Everything is for the
    domain of the executor. *)

type t

val make : is_of_lwt:bool -> (unit -> unit) -> t
(** [make ~is_of_lwt come_back] waits for nothing. Promises may be pending in
    its domain if [is_of_lwt]. It calls [come_back] when work is left that
    nobody else may do soon, and then has to be {!poll}ed. *)

val carry_out : t -> Raw.context -> Raw.actions -> unit
(** [carry_out t here actions] does what a stub has left, and what comes of it.
    [here] is the context of the caller, or [Nowhere] if that is not known.

    Closures, callbacks and continuations run in it, and may do anything. What
    they leave undone when they raise, or block, is found by {!carry_out_left}.

    @raise exn
      what a continuation raises, or what Lwt does not catch: then it leaves by
      the loop, as it would without us. *)

val has_left : t -> bool
(** [has_left t] is whether {!carry_out_left} may have something to do. *)

val carry_out_left : t -> unit
(** [carry_out_left t] does what others have begun and not ended. It raises as
    {!carry_out} does. *)

val poll : t -> unit
(** [poll t] runs what is runnable in the calling domain's executor, whose
    record is [t], and carries out what that leaves. It raises as {!carry_out}
    does.

    @raise Errors.Abandoned if Rust was shut down. *)

val wait : t -> int -> on_cancel:(unit -> unit) -> 'a Lwt.t
(** [wait t slot ~on_cancel] is the promise of the call in [slot], which the
    executor has just taken up. Cancelling it runs [on_cancel], which has to say
    that the call is {!cancelled}. *)

val expect : t -> int -> ('a, Raw.failure) result option ref
(** [expect t slot] is like {!wait}, where there is no Lwt: it has a result when
    the call has. An executor expects one call at a time, and then waits for no
    other. *)

val cancel : t -> int -> unit
(** [cancel t slot] cancels the call in [slot], which somebody waits for. Its
    future is dropped before this returns, unless it is being polled. *)

val cancelled : t -> int -> unit
(** [cancelled t slot] is [cancel t slot], if Lwt has just cancelled the promise
    of the call in [slot]. It does nothing if the call was dropped before, by
    {!drop_lost}. *)

val find_lost : t -> bool
(** [find_lost t] looks at some slots, and at others the next time, for calls
    whose promises Lwt has cancelled without saying so. It only reads, so any
    code of the domain may call it, such as a finaliser. It is whether there is
    something to {!drop_lost}. *)

val has_lost : t -> bool
(** [has_lost t] is whether {!find_lost} has found something. *)

val drop_lost : t -> unit
(** [drop_lost t] drops the futures of the calls that {!find_lost} has found. It
    raises as {!carry_out} does, when all are dropped. *)

val close : t -> unit
(** [close t] ends all tasks of the calling domain's executor, whose record is
    [t], and rejects what waits for its calls with {!Errors.Abandoned}.

    @raise exn what a continuation has raised first, when all are rejected. *)

val forget_all : t -> (unit -> unit) list
(** [forget_all t] forgets all calls, and gives what rejects them. *)
