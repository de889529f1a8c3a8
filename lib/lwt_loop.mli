(** The executor that the Lwt loop drives, by its hooks and a notification. *)

val attach : unit -> unit
(** [attach ()] makes the executor of the calling domain known to the calling
    thread, and makes one, driven by the Lwt loop, if the domain has none.

    @raise Errors.Error
      if another domain runs the Lwt loop, or Rust was shut down.
    @raise Unix.Unix_error
      if the system does not give tokio's runtime what it needs to start. *)

val is_here : unit -> bool
(** [is_here ()] is whether the calling domain has such an executor. *)

val has_made : Executor.t -> bool
(** [has_made executor] is whether the calling domain has made [executor] and
    not finished with it, because something has interrupted that. Then it is
    finished now. *)

val shutdown : deadline:float -> unit Lwt.t
(** See {!Lwt_rust.Runtime.shutdown}. *)
