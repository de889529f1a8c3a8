(** What is wrong with the types and the names of a library. *)

val find :
  Description.ty list -> missing:string list -> Layout.place -> string list
(** [find types ~missing place] is the list of the problems of the module
    [place], which uses [types], each with what to do. [missing] are the Rust
    paths of types that have no declaration. *)
