(** [lwt-rust new]: a project to begin with. *)

val create : template:string -> string -> (string list, string) result
(** [create ~template name] writes the folder [name] after the folder
    [template], and gives the files it wrote, or says why it wrote none. It
    never writes into a folder that has something in it. *)
