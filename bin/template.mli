(** The files of [template/], a small project. *)

val check : string -> (unit, string) result
(** [check name] is an error if [name] cannot be the name of a project. *)

val nothing_there : string -> (unit, string) result
(** [nothing_there folder] is an error if the folder has something in it. *)

val files : string -> string -> string list
(** [files template folder] is the paths of the files below [folder], which is a
    path in [template]; [""] is [template] itself. *)

val destination : string -> string -> string
(** [destination name path] is the path of a file of the template in the project
    [name]. *)

val fill : string -> string -> string
(** [fill name text] is a text of the template with the names of the project
    [name]. *)

val replace : old:string -> by:string -> string -> string
(** [replace ~old ~by text] is [text] with [by] for each [old]. *)

val read : string -> string
(** [read path] is the content of a file. *)

val write : string -> string -> unit
(** [write path text] writes a new file, and the folders that it needs.

    @raise Sys_error if it is there already. *)
