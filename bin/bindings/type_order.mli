(** In which order types can be declared. *)

val groups : Description.ty list -> Description.ty list list
(** [groups types] is [types], each behind those that it uses. Those in one
    group use each other, and no others are in it: in a recursive declaration
    OCaml does not see that an abbreviation of [float] is [float], and lays
    records out in another way than Rust believes. *)
