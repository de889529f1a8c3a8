(** Rust's doc comments as OCaml's. *)

val of_markdown : string -> string
(** [of_markdown text] translates [text] from rustdoc's language to odoc's:
    code, links to items, headings, lists and emphasis. Characters that have a
    meaning for odoc alone are escaped. *)
