(** [lwt-rust new]: creates a small project. *)

val create : template:string -> string -> (string list, string) result
(** [create ~template name] copies the folder [template] to the folder [name],
    with the names in it replaced. It returns the paths of the files, or the
    reason why it wrote none. It refuses a folder that is not empty. *)
