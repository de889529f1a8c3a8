(** The OCaml functions that Rust calls. *)

val register : unit -> unit
(** [register ()] tells Rust the functions. It is called once, when the library
    is initialised. *)
