(** The results as a picture. *)

val svg : Rows.t list -> (int * float) list -> string
(** [svg rows scaling] is an SVG picture. It has a bar for each row, compared
    with its limit, and a curve of the cost of a poll by the number of tasks. *)
