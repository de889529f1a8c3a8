(** Where the package is installed. *)

val library : unit -> (string, string) result
(** [library ()] is the folder of the package's files. It is the folder
    [lwt_rust] in a folder of [OCAMLPATH], or in the folder [lib] beside the
    command's own folder, as opam installs it. *)
