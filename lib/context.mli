(** The values that [Lwt.with_value] has set, as they were somewhere. *)

val capture : unit -> Raw.context
(** [capture ()] is the context of the caller. *)

val run : Raw.context -> (unit -> unit) -> unit
(** [run context job] calls [job] with the values of [context], which are none
    for [Nowhere]. It calls it once, before it returns.

    @raise exn what [job] raises. *)
