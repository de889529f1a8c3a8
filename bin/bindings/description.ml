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
  name : string;
  doc : string;
  same_as : string option;
  definition : definition;
}

type way = Promise | Direct

type func = {
  name : string;
  symbol : string;
  doc : string;
  way : way;
  parameters : (string * string) list;
  result : string;
}

type t = {
  crate : string;
  doc : string;
  types : ty list;
  functions : func list;
}

exception Malformed of string

let unescape text =
  try Scanf.unescaped text with Scanf.Scan_failure _ -> raise (Malformed text)

let items text =
  String.split_on_char '\n' text
  |> List.filter (fun line -> line <> "")
  |> List.map (fun line -> List.map unescape (String.split_on_char '\t' line))

(* The items at the beginning that [f] takes, and the others. *)
let rec span f items =
  match items with
  | item :: rest -> (
      match f item with
      | Some x ->
          let xs, rest = span f rest in
          (x :: xs, rest)
      | None -> ([], items))
  | [] -> ([], [])

let field kind = function
  | [ found; name; doc; ty ] when found = kind -> Some { name; doc; ty }
  | _ -> None

let rec constructors = function
  | [ "constructor"; name; doc; types ] :: rest ->
      let fields, rest = span (field "inline") rest in
      let arguments = if fields = [] then Types types else Inline fields in
      let others, rest = constructors rest in
      ({ name; doc; arguments } :: others, rest)
  | rest -> ([], rest)

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

let rec types = function
  | ("type" :: name :: kind :: same_as :: doc :: rest) :: items ->
      let definition, items = definition kind rest items in
      let same_as = if same_as = "" then None else Some same_as in
      let others, items = types items in
      ({ name; doc; same_as; definition } :: others, items)
  | items -> ([], items)

let argument = function
  | [ "argument"; name; ty ] -> Some (name, ty)
  | _ -> None

let way = function
  | "promise" -> Promise
  | "direct" -> Direct
  | way -> raise (Malformed way)

let rec functions = function
  | [ "function"; name; symbol; found; doc; result ] :: items ->
      let parameters, items = span argument items in
      let others, items = functions items in
      ( { name; symbol; doc; way = way found; parameters; result } :: others,
        items )
  | items -> ([], items)

let problem = function [ "problem"; text ] -> Some text | _ -> None

(* Ours is a library of the same release, so this is for the one case where a
   project has put together parts of two. *)
let strange text =
  "the library's description of itself cannot be read (at \"" ^ text
  ^ "\"): the crate lwt-rust and this command must be of one release"

let parse text =
  match items text with
  | [ "library"; crate; doc ] :: items -> (
      match
        let types, items = types items in
        let functions, items = functions items in
        let problems, items = span problem items in
        (types, functions, problems, items)
      with
      | types, functions, [], [] -> Ok { crate; doc; types; functions }
      | _, _, problems, [] -> Error problems
      | _, _, _, item :: _ -> Error [ strange (String.concat " " item) ]
      | exception Malformed text -> Error [ strange text ])
  | _ -> Error [ strange text ]
  | exception Malformed text -> Error [ strange text ]
