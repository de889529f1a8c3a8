(** The OCaml module of a library. *)

val implementation : Description.t -> string
(** The content of the [.ml]. *)

val interface : Description.t -> string
(** The content of the [.mli]. *)
