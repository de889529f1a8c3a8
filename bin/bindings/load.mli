(** The description that a dynamic library has of its functions. *)

val description : string -> (string, string) result
(** [description path] is what the library at [path] says of itself, with
    [lwt_rust::library!], or why there is nothing. *)
