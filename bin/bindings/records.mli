(** The records that Rust code of ours leaves in what is built of it. *)

type t = string list list
(** Items of fields, the first of which says what the item is. *)

val of_string : string -> t list
(** [of_string contents] are the records in a file with those contents, each of
    them once, in the order of the file. Other bytes may stand before, between
    and behind them, so the format of the file does not matter. *)

val of_file : string -> (t list, string) result
(** [of_file path] are those of the file at [path], of which there are some; or
    what is wrong with it. *)
