val check : unit -> unit
(** [check ()] makes sure that the Rust archive was built for the OCaml that has
    compiled the program: its C code knows how that one lays out its own state,
    so that any call into another may end the process.
    @raise Failure if it was not. *)
