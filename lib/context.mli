(** The context of some code: the values that [Lwt.with_value] has set there. *)

val capture : unit -> Raw.context
(** [capture ()] is the context of the caller. *)

val run : Raw.context -> (unit -> unit) -> unit
(** [run context job] calls [job], once, with the values of [context]. The
    context [Nowhere] has no values.

    @raise exn the exception that [job] raises. *)

val call : Raw.context -> ('a -> 'b) -> 'a -> 'b
(** [call context f argument] is [f argument], called as {!run} does.

    @raise exn the exception that [f] raises. *)
