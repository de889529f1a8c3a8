(** The OCaml module of a library. *)

val implementation : Description.t -> string
(** What stands in the [.ml]. *)

val interface : Description.t -> string
(** What stands in the [.mli]. *)
