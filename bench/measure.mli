(** Times, in nanoseconds, and what is made of them. *)

val is_quick : bool
(** Whether the environment variable [QUICK] asks for rough figures. *)

val lwt : (int -> unit Lwt.t) -> int -> float
(** [lwt run n] is how long an [n]th of [run n] takes, in a loop. *)

val plain : (int -> unit) -> int -> float
(** As {!lwt}, without a loop. *)

type summary = { median : float; least : float; most : float }

val summary : float list -> summary

type pair = { ratio : summary; subject : float; baseline : float }
(** What a subject takes beside a baseline: the ratios of pairs of times, one
    taken after the other, and the medians of both. *)

val pair : ?rounds:int -> baseline:(unit -> float) -> (unit -> float) -> pair
(** [pair ~baseline subject] measures both alternately, after one round that
    does not count. *)
