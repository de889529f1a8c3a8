(** Exceptions on their way from Rust, with the place where they were raised. *)

val raise : Raw.failure -> 'a
(** [raise failure] raises the exception. The frames from here on are added to
    its backtrace. *)

val note : Raw.failure -> unit
(** [note failure] makes [Printexc.get_raw_backtrace] return the backtrace of
    [failure], if it has one, until the next exception is raised. Call it just
    before a promise is rejected, for the handlers of that promise. *)

(** {1 Exceptions that Lwt does not catch}

    For example, a synchronous closure that Rust has called raises
    [Out_of_memory], and [Lwt.Exception_filter] lets it through. The exception
    cannot pass Rust's frames. So Rust sees a rejection, {!let_through} keeps
    the exception, and {!leave} raises it again when the stub has returned. *)

val let_through : exn -> Printexc.raw_backtrace -> unit
(** [let_through exn backtrace] keeps [exn] for {!leave} in the calling domain,
    if the filter lets it through. Any domain may call it. *)

val has_escaped : unit -> bool
(** [has_escaped ()] is whether {!leave} may raise. It is cheaper than {!leave}.
*)

val leave : unit -> unit
(** [leave ()] raises the first exception that was kept in the calling domain,
    if there is one. The others stay for later calls. *)
