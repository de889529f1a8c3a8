(** The reporter of Rust's panics. *)

val set_reporter : (Errors.panic -> unit) option -> unit
(** See {!Lwt_rust.set_panic_reporter}. *)

val report : unit -> unit
(** [report ()] calls the reporter with each panic since the last [report ()].
*)
