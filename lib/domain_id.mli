(** The number of the calling domain. *)

val self : unit -> int
(** [self ()] is the number of the calling domain. Numbers are used once. *)
