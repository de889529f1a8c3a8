(** The handler of Rust's panics. *)

val on_panic : (Errors.panic -> unit) option -> unit
(** See {!Lwt_rust.on_panic}. *)

val report : unit -> unit
(** [report ()] calls the handler with each panic since the last [report ()]. *)
