(** Rust's doc comments as OCaml's. *)

val of_markdown : string -> string
(** [of_markdown text] says in the language of odoc what [text] says in that of
    rustdoc: code, links to items, headings, lists and emphasis. What that
    language would take for its own is escaped. *)
