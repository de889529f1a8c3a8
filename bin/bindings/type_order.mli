(** The order in which types can be declared. *)

val groups : Description.ty list -> Description.ty list list
(** [groups types], whose type expressions have Rust paths, is [types], each
    behind the types that it uses. Types that use each other are in one group,
    and a group contains no other types. The groups are that small because of
    [float]: in a recursive declaration OCaml does not see that an abbreviation
    of [float] is [float], and would give a record another layout than Rust
    expects. *)
