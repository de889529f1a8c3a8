(** What a Rust crate says of its types and functions. *)

type field = { name : string; doc : string; ty : string }

type arguments =
  | Types of string  (** as they stand behind [of]; empty if there are none *)
  | Inline of field list

type constructor = { name : string; doc : string; arguments : arguments }

type definition =
  | Abstract
  | Alias of string
  | Record of field list
  | Variant of constructor list
  | Polymorphic of constructor list

type ty = {
  name : string;
  doc : string;
  same_as : string option;  (** the type, declared elsewhere, that it is *)
  definition : definition;
}

type way = Promise | Direct

type func = {
  name : string;
  symbol : string;
  doc : string;
  way : way;
  parameters : (string * string) list;  (** names and types *)
  result : string;
}

type t = {
  crate : string;
  doc : string;
  types : ty list;
  functions : func list;
}

val parse : string -> (t, string list) result
(** [parse text] reads what {!Load.description} gives; or the problems that Rust
    or we find with it, in the order of the text. *)
