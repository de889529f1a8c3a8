(** The rows of the benchmark: their subjects, baselines and limits. *)

type t = {
  id : string;
  what : string;  (** the subject, for readers *)
  beside : string;  (** the baseline, or the unit of the figure *)
  limit : float;
  figure : Measure.summary;  (** has to be at most [limit] *)
  times : (float * float) option;
      (** nanoseconds, of the subject and of the baseline *)
}

val all : (string * (unit -> t list)) list
(** The rows, by names that the command line uses. Calling the function measures
    them. *)

val scaling : unit -> (int * float) list
(** Pairs of a number of tasks and the cost of a poll with that number, in
    nanoseconds. *)

val counted : (string * (int -> unit)) list
(** The subjects of rows, by the names of the rows, for tools that count. The
    argument says how many times to run the subject. ["lwt"] is a turn of a bare
    loop. *)

val alone : string -> float
(** [alone figure] is a figure that needs a process of its own. *)
