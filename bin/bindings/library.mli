(** What the records of a file say of one crate. *)

val read : crate:string -> Records.t list -> (Description.t, string list) result
(** [read ~crate records] is what the records of a file say of the crate
    [crate]; or the problems with it. *)
