(** The executor that the Lwt loop drives, through hooks, pauses and a
    notification. *)

val attach : unit -> unit
(** [attach ()] attaches the executor of the calling domain to the calling
    thread. If the domain has no executor, it makes one that the Lwt loop
    drives.

    @raise Errors.Error
      if another domain runs the Lwt loop, or Rust was shut down.
    @raise Unix.Unix_error
      if the system refuses the threads or descriptors that tokio's runtime
      needs.
    @raise Invalid_argument
      this is {!is_ending}, if the hooks of the end of the domain run. *)

val is_ending : exn
(** What {!attach} raises while the domain ends. *)

val is_here : unit -> bool
(** [is_here ()] is whether the calling domain has an executor that the Lwt loop
    drives. *)

val may_be_here : unit -> bool
(** [may_be_here ()] is whether the state of Lwt may belong to the calling
    domain: the Lwt loop drives its executor, or there is none yet and this is
    the main domain. *)

val is_beside_this_thread : unit -> bool
(** [is_beside_this_thread ()] is whether another thread of the calling domain
    runs the Lwt loop that drives its executor. Then the calling thread must not
    touch the state of Lwt. *)

val has_made : Executor.t -> bool
(** [has_made executor] is whether [executor] is the one of the calling domain.
    If its creation was interrupted, by the handler of a signal for example,
    [has_made] completes it. *)

val turns : unit -> int
(** [turns ()] is how many turns Lwt's main loop has begun, in any domain, since
    {!attach} first made an executor. *)

val shutdown : timeout:float -> unit Lwt.t
(** See {!Lwt_rust.Runtime.shutdown}. *)
