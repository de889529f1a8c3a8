(** Which domain this is. *)

val self : unit -> int
(** [self ()] is the number of the calling domain, which no other one ever has.
*)
