(** The executor of a domain that runs no Lwt loop. *)

val run : (unit -> ('a, Executor.t) Raw.call) -> 'a
(** See {!Lwt_rust.Executor.run}. *)
