(** The results as a picture. *)

val svg : Rows.t list -> (int * float) list -> string
(** [svg rows scaling] has a bar for each row, against its limit, and the cost
    of a poll by the number of tasks. *)
