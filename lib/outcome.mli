(** The results of stubs. *)

val get : 'a Raw.outcome -> 'a
(** [get outcome] is the value that a stub returned.

    @raise exn the exception with which the stub failed. *)
