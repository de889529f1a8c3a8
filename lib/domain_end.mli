(** The work that a domain does when it ends. *)

val run : (unit -> unit) -> unit
(** [run f] makes the calling domain call [f] when it ends, unless it is the
    main domain. After [f], the memory of the domain's roots is freed. *)

val has_begun : unit -> bool
(** [has_begun ()] is whether the calling domain is ending and calls the
    functions that {!run} has got. A function that {!run} gets later is not
    called. *)

val is_elsewhere : unit -> bool
(** [is_elsewhere ()] is whether another thread of the calling domain is ending
    the domain. That thread waits for the calling one. *)

val keep : Obj.t -> unit
(** [keep value] keeps [value] alive until the calling domain has ended, with
    all its threads. After that, the collector of another domain finalises
    [value].

    This also works if [keep] is called while the domain runs its hooks at its
    end. {!run} does not work then, and {!has_begun} does not know of the hooks
    before the first function of {!run} is called. *)
