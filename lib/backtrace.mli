(** The backtraces of Rust code. *)

type t = Raw.backtrace

val to_string : t -> string
(** See {!Lwt_rust.Backtrace.to_string}. *)
