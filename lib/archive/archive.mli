(** The Rust archive that is linked into the program. *)

val crate : string
(** [crate] is the name of the crate that the archive was built from. *)
