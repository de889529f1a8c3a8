(** [lwt-rust doctor]: whether what a project needs is there. *)

type finding = { name : string; state : (string, string) result }
(** Something that a project needs: its version, or what to do about it. *)

val newer : string -> string -> bool
(** [newer version least] is whether a version is [least] or later: numbers are
    compared as numbers, and what follows them is left out. *)

val findings : library:(string, string) result -> finding list
(** [findings ~library] looks at the tools in [PATH], and at the libraries.
    [library] is {!Place.library}. *)
