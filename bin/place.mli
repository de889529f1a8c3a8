(** Where the package is installed. *)

val library : unit -> (string, string) result
(** [library ()] is the folder of the package's files: the one of its name in a
    folder of [OCAMLPATH], or beside the command's own folder as opam has it. *)
