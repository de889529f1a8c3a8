(** [lwt-rust new --binding]: creates the bindings of a Cargo workspace. *)

type binding = {
  written : string list;  (** The paths of the files. *)
  steps : string list;  (** Sentences that say what the author has to do. *)
}

val bind :
  template:string ->
  is_member:(string -> bool) ->
  string ->
  (binding, string) result
(** [bind ~template ~is_member name] writes the bindings of the Cargo workspace
    in the present folder: a crate that makes an archive, its OCaml library, a
    program and a test, in the folder [name], and the files of dune and opam
    that are not there yet. It changes no file. [is_member manifest] is whether
    the crate with this Cargo.toml is a member of the workspace. It returns an
    error if there is no workspace, or if the folder is not empty. *)
