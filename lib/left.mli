(** The actions that are left: those that follow the ones being carried out, and
    those that an exception has kept from being carried out. Any code of the
    domain may come between and carry them out, such as a closure that runs a
    loop.

    OCaml may switch to another thread of the domain, or run the handler of a
    signal, wherever it allocates. Each function allocates first. Then it looks
    whether the list is still as it was, and changes it. *)

type chain = {
  mutable actions : Raw.actions;
  mutable is_reserved : bool;
      (** a thread is about to carry out the first action, so {!take} leaves the
          chain alone *)
}

type t

val make : unit -> t
val is_empty : t -> bool

val length : t -> int
(** [length t] is the number of chains. *)

val add_first : t -> chain -> unit
val add_last : t -> Raw.actions -> unit

val take : t -> Raw.actions
(** [take t] removes the first chain that is not reserved, and returns the
    actions that are left of it. When it has removed the chain, it allocates
    nothing. *)

val forget : t -> chain -> unit
(** [forget t chain] removes [chain], if it is still there. *)

val clear : t -> unit
