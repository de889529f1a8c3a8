(** The OCaml side of a Rust executor. It carries out the actions that tasks
    leave, and knows the resolver of each pending call. Only the domain of the
    executor may use it. *)

type t

val make : is_of_lwt:bool -> (unit -> unit) -> t
(** [make ~is_of_lwt come_back] is an executor without calls. [is_of_lwt] is
    whether the Lwt loop drives it: only then may a task await a pending Lwt
    promise. The executor calls [come_back] when it leaves work undone;
    [come_back] has to make sure that {!carry_out_left} and {!poll} are called
    soon. *)

val begin_call : ('a, t) Raw.call -> unit
(** [begin_call call] carries out the actions of a pending call, and those that
    follow from them.

    It calls closures, callbacks and continuations of the program. If one of
    them raises or blocks, {!carry_out_left} carries out the remaining actions.
    No action is lost if the handler of a signal raises meanwhile.

    @raise exn
      the exception of a continuation or a signal handler, or one that Lwt does
      not catch. It leaves through the loop, as it would in a program without
      Rust. *)

val has_left : t -> bool
(** [has_left t] is whether {!carry_out_left} may have something to do. *)

val carry_out_left : t -> unit
(** [carry_out_left t] carries out the actions that earlier code has not come
    to, because it was left by an exception or still runs. It raises as
    {!begin_call} does. *)

val poll : t -> unit
(** [poll t] polls the runnable tasks of the calling domain's executor, whose
    record is [t], and carries out their actions. It raises as {!begin_call}
    does.

    @raise Errors.Abandoned if Rust was shut down. *)

val wait : t -> Raw.call_id -> on_cancel:(unit -> unit) -> 'a Lwt.t
(** [wait t call ~on_cancel] is the promise of a call that has become a task.
    [Lwt.cancel] runs [on_cancel], which has to call {!cancelled}. *)

val expect : t -> Raw.call_id -> ('a, Raw.failure) result option ref -> unit
(** [expect t call result] is like {!wait}, for a domain without a Lwt loop:
    [result] is filled when the call ends. An executor expects one call at a
    time. Meanwhile no other call has a resolver. *)

val drop : t -> Raw.call_id -> unit
(** [drop t call] cancels a call whose result nobody takes. The future is
    dropped before [drop] returns, unless it is being polled. *)

val cancelled : t -> Raw.call_id -> unit
(** [cancelled t call] does the same, if Lwt has just cancelled the promise of
    [call]. It does nothing if {!drop_lost} has dropped the call before. *)

val find_lost : t -> bool
(** [find_lost t] looks for calls whose promises Lwt has cancelled without
    running [on_cancel]. It looks at some slots, and at the following ones the
    next time. It returns whether {!drop_lost} has something to do.

    It changes no task and calls no other code, so any code of the domain may
    call it, such as a finaliser. *)

val has_lost : t -> bool
(** [has_lost t] is whether {!find_lost} has found something. *)

val drop_lost : t -> unit
(** [drop_lost t] drops the futures of the calls that {!find_lost} has found. It
    raises as {!begin_call} does, when all are dropped. *)

val close : t -> unit
(** [close t] drops all tasks of the calling domain's executor, whose record is
    [t], and rejects the promises of its calls with {!Errors.Abandoned}.

    @raise exn
      the first exception that a continuation has raised, when all promises are
      rejected. *)

val forget_all : t -> (unit -> unit) list
(** [forget_all t] forgets all calls, and returns functions that reject their
    promises. *)
