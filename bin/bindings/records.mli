(** The records that lwt_rust's macros put into a built file. *)

type t = string list list
(** A record is a list of items, and an item is a list of fields. The first
    field tells the kind of the item. *)

val of_string : string -> t list
(** [of_string contents] is the list of the records in a file with those
    contents, without repetitions, in the order of the file. Other bytes may
    stand before, between and behind the records, so the format of the file does
    not matter. *)

val of_file : string -> (t list, string) result
(** [of_file path] is the list of the records in the file at [path]. If there is
    none, or the file cannot be read, it is an error message. *)
