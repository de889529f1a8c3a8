(** What is measured, and what it may cost. *)

type t = {
  id : string;
  what : string;  (** what costs so much *)
  beside : string;  (** what it is compared with, or the unit of the figure *)
  limit : float;
  figure : Measure.summary;  (** what has to be at most [limit] *)
  times : (float * float) option;
      (** nanoseconds, of it and of what it is compared with *)
}

val all : (string * (unit -> t list)) list
(** The rows, under names to choose them by; measured when they are called. *)

val scaling : unit -> (int * float) list
(** What a poll costs in nanoseconds with so many tasks. *)

val counted : (string * (int -> unit)) list
(** What rows measure, under their names, to be done so many times: for tools
    that count. ["lwt"] is a turn of a bare loop. *)

val alone : string -> float
(** [alone figure] is a figure that takes a process of its own. *)
