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
  parameters : string;  (** as OCaml declares them; empty if there are none *)
  doc : string;
  same_as : string option;  (** the equal type that is declared elsewhere *)
  definition : definition;
}

type case = {
  same_as : string option;  (** the exception, declared elsewhere, that it is *)
  exn : constructor;
}

type exceptions = {
  crate : string;
  path : string;  (** in Rust *)
  symbol : string;  (** of the stub that takes the constructors *)
  name : string;  (** of the stub, in OCaml *)
  doc : string;
  cases : case list;
}
(** The exceptions of an error type. *)

type methods = {
  crate : string;
  path : string;  (** of the type, in Rust *)
  symbol : string;
  ty : string;  (** the type expression of the type *)
  doc : string;
}
(** A type with methods. *)

type member =
  | Symbol of string  (** of a function, exceptions or methods *)
  | Module of {
      rust : string;
      name : string;
      doc : string;
      members : member list;
    }  (** A Rust module, called [rust] there, as an OCaml module. *)

type library = {
  name : string;
  path : string;  (** of the module that contains it, in Rust *)
  doc : string;
  members : member list;
}
(** The content of the [lwt_rust::library!] of the crate [name]. *)

type way = Promise | Direct
type label = Positional | Labelled | Optional

type parameter = {
  name : string;
  label : label;
  ty : string;  (** for an optional one, the type behind [?name:] *)
}

type func = {
  crate : string;
  owner : string option;  (** the symbol of the methods that it is one of *)
  path : string;  (** in Rust *)
  name : string;
  symbol : string;
  twin : string option;
      (** the symbol for bytecode, if bytecode needs another one *)
  doc : string;
  way : way;
  parameters : parameter list;
  result : string;
}

type contents = {
  doc : string;
  items : item list;  (** each behind those that it uses *)
  exceptions : exceptions list;
  functions : func list;
}
(** The contents of an OCaml module. *)

and item =
  | Group of ty list  (** types that use each other *)
  | Submodule of string * contents

type t = {
  crate : string;
  contents : contents;  (** what the library names, and the types in it *)
  forgotten : string list;
      (** the paths of the crate's functions, error types and types with methods
          that no library names *)
}

type record =
  | Type of ty
  | Exceptions of exceptions
  | Function of func
  | Methods of methods
  | Library of library

exception Malformed of string

val of_record : Records.t -> record
(** [of_record items] is the part of a description that a record with these
    items has.
    @raise Malformed with the item, if its kind is unknown. *)

val map_types : (string -> string) -> definition -> definition
(** [map_types f definition] is [definition] with [f] applied to each of its
    type expressions. *)

val map_case : (string -> string) -> case -> case
(** [map_case] does for an exception what {!map_types} does for a type. *)

val types_in_case : case -> string list
(** The type expressions of an exception, in order. *)

val types_in : definition -> string list
(** [types_in definition] is the list of the type expressions in [definition],
    in order. *)

val paths : string -> string list
(** [paths text] is the list of the Rust paths in the type expression [text]. *)

val with_names : (string -> string) -> string -> string
(** [with_names name text] is [text] with [name path] in the place of each
    [{path}]. *)
