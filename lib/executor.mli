(** The Rust executor of a domain, driven by the Lwt loop. *)

type t

val attach : unit -> unit
(** [attach ()] makes the executor of the calling domain known to the calling
    thread, and makes it if the domain has none.

    @raise Errors.Error if another domain owns the executor.
    @raise Unix.Unix_error
      if the system does not give tokio's runtime what it needs to start. *)

val wait : t -> int -> 'a Lwt.t
(** [wait executor slot] is the promise of the call in [slot], which the
    executor has just taken up. Cancelling it cancels the call. *)
