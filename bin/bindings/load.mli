(** The description that a dynamic library has of its functions. *)

val description : ?crate:string -> string -> (string, string) result
(** [description path] is what the crate [crate] in the dynamic library at
    [path] says of itself, with [lwt_rust::library!], or why there is nothing.
    The crate is the one that the library is named after: [NAME] of
    [dllNAME.so]. *)
