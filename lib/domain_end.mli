(** What a domain does when it ends. *)

val run : (unit -> unit) -> unit
(** [run f] has the calling domain call [f] when it ends, unless it is the main
    one. The last of all gives the memory of the domain's roots back. *)

val keep : Obj.t -> unit
(** [keep value] has the calling domain keep [value] until it has ended, with
    all its threads. *)
