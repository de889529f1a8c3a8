(** What a Rust crate says of its types and functions.

    In a record, a type expression has the Rust path of a declared type, in
    braces, where OCaml's name of it belongs. *)

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
  path : string;  (** in Rust *)
  name : string;
  doc : string;
  same_as : string option;  (** the type, declared elsewhere, that it is *)
  definition : definition;
}

type library = { name : string; doc : string; symbols : string list }
(** What [lwt_rust::library!] says, of the crate [name]. *)

type way = Promise | Direct

type func = {
  crate : string;
  path : string;  (** in Rust *)
  name : string;
  symbol : string;
  twin : string option;  (** the symbol for bytecode, if it has another one *)
  doc : string;
  way : way;
  parameters : (string * string) list;  (** names and types *)
  result : string;
}

type t = {
  crate : string;
  doc : string;
  types : ty list;  (** those that the functions use *)
  functions : func list;  (** those that the library names *)
  forgotten : string list;
      (** the paths of the crate's functions that no library names *)
}

type record = Type of ty | Function of func | Library of library

exception Malformed of string

val of_record : Records.t -> record
(** [of_record items] is what the items of a record say.
    @raise Malformed with the item that is of no kind known here. *)

val map_types : (string -> string) -> definition -> definition
(** [map_types f definition] is [definition] with [f] applied to each type
    expression in it. *)

val types_in : definition -> string list
(** [types_in definition] are the type expressions in [definition], in order. *)
