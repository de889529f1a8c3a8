(** The description of one crate, from the records of a file. *)

val read : crate:string -> Records.t list -> (Description.t, string list) result
(** [read ~crate records] is the description of [crate] in the records of a
    file, or the problems of that description. *)
