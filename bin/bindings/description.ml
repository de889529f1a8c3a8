type field = { name : string; doc : string; ty : string }
type arguments = Types of string | Inline of field list
type constructor = { name : string; doc : string; arguments : arguments }

type definition =
  | Abstract
  | Alias of string
  | Record of field list
  | Variant of constructor list
  | Polymorphic of constructor list

type ty = {
  path : string;
  name : string;
  parameters : string;
  doc : string;
  same_as : string option;
  definition : definition;
}

type case = { same_as : string option; exn : constructor }

type exceptions = {
  crate : string;
  path : string;
  symbol : string;
  name : string;
  doc : string;
  cases : case list;
}

type methods = {
  crate : string;
  path : string;
  symbol : string;
  ty : string;
  doc : string;
}

type member =
  | Symbol of string
  | Module of {
      rust : string;
      name : string;
      doc : string;
      members : member list;
    }

type library = {
  name : string;
  path : string;
  doc : string;
  members : member list;
}

type way = Promise | Direct
type label = Positional | Labelled | Optional
type parameter = { name : string; label : label; ty : string }

type func = {
  crate : string;
  owner : string option;
  path : string;
  name : string;
  symbol : string;
  twin : string option;
  doc : string;
  way : way;
  parameters : parameter list;
  result : string;
}

type contents = {
  doc : string;
  items : item list;
  exceptions : exceptions list;
  functions : func list;
}

and item = Group of ty list | Submodule of string * contents

type t = { crate : string; contents : contents; forgotten : string list }

type record =
  | Type of ty
  | Exceptions of exceptions
  | Function of func
  | Methods of methods
  | Library of library

(* {1 Type expressions} *)

(* The parts of a type expression. Every second one was in braces and is a path. *)
let parts text =
  String.split_on_char '{' text |> List.concat_map (String.split_on_char '}')

let paths text = List.filteri (fun i _ -> i mod 2 = 1) (parts text)

let with_names name text =
  parts text
  |> List.mapi (fun i part -> if i mod 2 = 1 then name part else part)
  |> String.concat ""

(* {1 Types in definitions} *)

let map_constructor f (constructor : constructor) =
  let arguments =
    match constructor.arguments with
    | Types types -> Types (f types)
    | Inline fields ->
        Inline
          (List.map
             (fun (field : field) -> { field with ty = f field.ty })
             fields)
  in
  { constructor with arguments }

(* [definition], with [f] applied to each text of types in it. *)
let map_types f = function
  | Abstract -> Abstract
  | Alias ty -> Alias (f ty)
  | Record fields ->
      Record
        (List.map
           (fun (field : field) -> { field with ty = f field.ty })
           fields)
  | Variant constructors -> Variant (List.map (map_constructor f) constructors)
  | Polymorphic constructors ->
      Polymorphic (List.map (map_constructor f) constructors)

let map_case f case = { case with exn = map_constructor f case.exn }

(* The texts to which [map] applies its function. *)
let texts_in map x =
  let found = ref [] in
  let add text =
    found := text :: !found;
    text
  in
  ignore (map add x);
  List.rev !found

let types_in definition = texts_in map_types definition
let types_in_case case = texts_in map_case case

(* {1 Records} *)

exception Malformed of string

(* The results of [f] for the items at the beginning for which it has one, and
   the other items. *)
let rec span f items =
  match items with
  | item :: rest -> (
      match f item with
      | Some x ->
          let xs, rest = span f rest in
          (x :: xs, rest)
      | None -> ([], items))
  | [] -> ([], [])

let optional = function "" -> None | text -> Some text

let field kind = function
  | [ found; name; doc; ty ] when found = kind -> Some { name; doc; ty }
  | _ -> None

let constructor = function
  | [ "constructor"; name; doc; types ] :: items ->
      let fields, items = span (field "inline") items in
      let arguments = if fields = [] then Types types else Inline fields in
      Some ({ name; doc; arguments }, items)
  | _ -> None

let rec constructors items =
  match constructor items with
  | Some (constructor, items) ->
      let others, items = constructors items in
      (constructor :: others, items)
  | None -> ([], items)

let rec cases = function
  | [ "exception"; same_as ] :: items -> (
      match constructor items with
      | Some (exn, items) ->
          let same_as = optional same_as in
          let others, items = cases items in
          ({ same_as; exn } :: others, items)
      | None -> raise (Malformed "exception"))
  | items -> ([], items)

let definition kind rest items =
  match (kind, rest) with
  | "abstract", [] -> (Abstract, items)
  | "alias", [ ty ] -> (Alias ty, items)
  | "record", [] ->
      let fields, items = span (field "field") items in
      (Record fields, items)
  | "variant", [] ->
      let constructors, items = constructors items in
      (Variant constructors, items)
  | "polymorphic", [] ->
      let constructors, items = constructors items in
      (Polymorphic constructors, items)
  | _ -> raise (Malformed kind)

let argument = function
  | [ "argument"; name; label; ty ] ->
      let label =
        match label with
        | "" -> Positional
        | "label" -> Labelled
        | "optional" -> Optional
        | label -> raise (Malformed label)
      in
      Some { name; label; ty }
  | _ -> None

let way = function
  | "promise" -> Promise
  | "direct" -> Direct
  | way -> raise (Malformed way)

(* The members at the beginning, and the other items. *)
let rec members = function
  | [ "names"; symbol ] :: items -> one_more (Symbol symbol) items
  | [ "module"; rust; name; doc ] :: items -> (
      match members items with
      | members, [ "end" ] :: items ->
          let doc = String.trim doc in
          one_more (Module { rust; name; doc; members }) items
      | _ -> raise (Malformed "module"))
  | items -> ([], items)

and one_more member items =
  let others, items = members items in
  (member :: others, items)

let of_record items =
  let record, rest =
    match items with
    | ("type" :: path :: name :: parameters :: kind :: same_as :: doc :: rest)
      :: items ->
        let definition, items = definition kind rest items in
        let same_as = optional same_as in
        (Type { path; name; parameters; doc; same_as; definition }, items)
    | [ "function"; crate; owner; path; name; symbol; twin; found; doc; result ]
      :: items ->
        let owner = optional owner and twin = optional twin in
        let way = way found in
        let parameters, items = span argument items in
        ( Function
            {
              crate;
              owner;
              path;
              name;
              symbol;
              twin;
              doc;
              way;
              parameters;
              result;
            },
          items )
    | [ "exceptions"; crate; path; name; symbol; doc ] :: items ->
        let cases, items = cases items in
        (Exceptions { crate; path; symbol; name; doc; cases }, items)
    | [ "methods"; crate; path; symbol; ty; doc ] :: items ->
        (Methods { crate; path; symbol; ty; doc }, items)
    | [ "library"; name; path; doc ] :: items ->
        let members, items = members items in
        (Library { name; path; doc = String.trim doc; members }, items)
    | item :: _ -> raise (Malformed (String.concat " " item))
    | [] -> raise (Malformed "")
  in
  match rest with
  | [] -> record
  | item :: _ -> raise (Malformed (String.concat " " item))
