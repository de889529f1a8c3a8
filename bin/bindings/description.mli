(** The description of a Rust crate: its types and functions.

    In a record, a type expression names a declared type by its Rust path, in
    braces: [{my_crate::Point} list]. *)

type field = { name : string; doc : string; ty : string }

type arguments =
  | Types of string  (** the text behind [of]; empty if there are none *)
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
  same_as : string option;  (** the equal type that is declared elsewhere *)
  definition : definition;
}

type library = { name : string; doc : string; symbols : string list }
(** The content of the [lwt_rust::library!] of the crate [name]. *)

type way = Promise | Direct

type func = {
  crate : string;
  path : string;  (** in Rust *)
  name : string;
  symbol : string;
  twin : string option;
      (** the symbol for bytecode, if bytecode needs another one *)
  doc : string;
  way : way;
  parameters : (string * string) list;  (** names and types *)
  result : string;
}

type t = {
  crate : string;
  doc : string;
  types : ty list;  (** the types that the functions use *)
  functions : func list;  (** the functions that the library names *)
  forgotten : string list;
      (** the paths of the crate's functions that no library names *)
}

type record = Type of ty | Function of func | Library of library

exception Malformed of string

val of_record : Records.t -> record
(** [of_record items] is the part of a description that a record with these
    items has.
    @raise Malformed with the item, if its kind is unknown. *)

val map_types : (string -> string) -> definition -> definition
(** [map_types f definition] is [definition] with [f] applied to each of its
    type expressions. *)

val types_in : definition -> string list
(** [types_in definition] is the list of the type expressions in [definition],
    in order. *)
