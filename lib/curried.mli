(** Functions of several arguments, for Rust, which has their arguments as a
    tuple. *)

val call : Obj.t -> Obj.t -> Obj.t
(** [call f arguments] is [f] applied to the components of the tuple
    [arguments]. [f] takes at least so many arguments, and there are 2 to 8. *)

val of_tuple : int -> (Obj.t -> Obj.t) -> Obj.t
(** [of_tuple n f] is a function of [n] arguments that gives [f] their tuple;
    [f] itself if [n] is 1. [n] is at most 8. *)
