(** Times in nanoseconds, and their medians and ratios. *)

val is_quick : bool
(** Whether the environment variable [QUICK] asks for rough figures. *)

val lwt : (int -> unit Lwt.t) -> int -> float
(** [lwt run n] runs [run n] in a Lwt loop, and is the time that it takes
    divided by [n]. *)

val plain : (int -> unit) -> int -> float
(** Does as {!lwt}, without a loop. *)

type summary = { median : float; least : float; most : float }

val summary : float list -> summary

type pair = { ratio : summary; subject : float; baseline : float }
(** The time of a subject compared with that of a baseline. Each round measures
    the baseline and then the subject. [ratio] summarises the ratios of the
    rounds, and the other two are medians. *)

val pair : ?rounds:int -> baseline:(unit -> float) -> (unit -> float) -> pair
(** [pair ~baseline subject] measures both in several rounds, after one round
    that does not count. *)
