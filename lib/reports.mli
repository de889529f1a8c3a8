(** Reports of Rust's to handlers of the program. *)

val give : ('report -> unit) -> 'report list -> unit
(** [give handle reports] calls [handle] with each report. If it raises an
    exception, [Lwt.async_exception_hook] gets that. *)
