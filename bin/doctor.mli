(** [lwt-rust doctor]: checks whether the tools and libraries that a project
    needs are installed. *)

type finding = { name : string; state : (string, string) result }
(** A tool or library that a project needs, with its version, or with the
    problem and its solution. *)

val newer : string -> string -> bool
(** [newer version least] is whether [version] is [least] or later. The parts of
    versions are compared as numbers. A text behind the numbers is ignored:
    [5.4.0~beta1] counts as [5.4.0]. *)

val findings : library:(string, string) result -> finding list
(** [findings ~library] looks at the tools in [PATH], and at the libraries.
    [library] is {!Place.library}. *)
