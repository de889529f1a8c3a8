(** What stubs return. *)

val get : 'a Raw.outcome -> 'a
(** [get outcome] is the value that a stub returned.

    @raise exn any exception, if the stub failed with it. *)
