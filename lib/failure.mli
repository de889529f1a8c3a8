(** Exceptions on their way from Rust, with the place where they were raised. *)

val raise : Raw.failure -> 'a
(** [raise failure] raises the exception; its backtrace goes on from here. *)

val note : Raw.failure -> unit
(** [note failure] makes [Printexc.get_raw_backtrace] give the backtrace of
    [failure], if it has one, until the next exception is raised: the handlers
    of a promise that is rejected now find it there. *)

(** {1 Exceptions that Lwt does not catch}

    An exception that [Lwt.Exception_filter] lets through, raised by a closure
    that Rust has called, cannot pass Rust's frames. Rust sees a rejection, and
    the exception goes on when OCaml has the thread back. *)

val let_through : exn -> Printexc.raw_backtrace -> unit
(** [let_through exn backtrace] keeps [exn] for {!leave} in this domain, if the
    filter lets it through. Any domain may call it. *)

val has_escaped : unit -> bool
(** [has_escaped ()] is [false] if {!leave} does nothing. *)

val leave : unit -> unit
(** [leave ()] goes on with the first exception that was kept in this domain. *)
