(** What a domain does when it ends. *)

val run : (unit -> unit) -> unit
(** [run f] has the calling domain call [f] when it ends, unless it is the main
    one. The last of all gives the memory of the domain's roots back. *)

val has_begun : unit -> bool
(** [has_begun ()] is whether the calling domain is ending and has called the
    functions given to {!run}: what is given to it now is not called. *)

val keep : Obj.t -> unit
(** [keep value] has the calling domain keep [value] until it has ended, with
    all its threads. Then the collector of another domain finds that nobody has
    it. That is so too if the domain was calling its hooks already, which {!run}
    cannot know before one of its own was called. *)
