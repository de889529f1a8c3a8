val check : unit -> unit
(** [check ()] makes sure that the Rust archive was built for the version of
    OCaml that compiled the program. The C code in the archive knows the layout
    of OCaml's runtime state. With another version, any call could crash.

    @raise Failure if the versions differ. *)
