(** The handler of polls that take long. *)

type t = { name : string; seconds : float }
(** See {!Lwt_rust.Runtime.long_poll}. *)

val on_long_poll : ?limit:float -> (t -> unit) option -> unit
(** See {!Lwt_rust.Runtime.on_long_poll}. *)

val report : unit -> unit
(** [report ()] calls the handler with each long poll since the last
    [report ()]. *)
