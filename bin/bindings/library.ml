open Description

(* {1 The types that functions use} *)

(* The parts of a type's text. Every second one was in braces and is a path. *)
let parts text =
  String.split_on_char '{' text |> List.concat_map (String.split_on_char '}')

let paths text = List.filteri (fun i _ -> i mod 2 = 1) (parts text)

let with_names name text =
  parts text
  |> List.mapi (fun i part -> if i mod 2 = 1 then name part else part)
  |> String.concat ""

let types_of_function { parameters; result; _ } =
  List.map snd parameters @ [ result ]

let types_of_exceptions { cases; _ } = List.concat_map types_in_case cases

(* The types whose paths are in [texts], each behind the types that it uses; and
   the paths that belong to no type. *)
let reached types texts =
  let seen = Hashtbl.create 16 in
  let rec visit (found, missing) path =
    if Hashtbl.mem seen path then (found, missing)
    else (
      Hashtbl.add seen path ();
      match List.filter (fun (ty : ty) -> ty.path = path) types with
      | [] -> (found, path :: missing)
      | declared ->
          let texts =
            List.concat_map (fun (ty : ty) -> types_in ty.definition) declared
          in
          let found, missing = visit_all (found, missing) texts in
          (List.rev_append declared found, missing))
  and visit_all reached texts =
    List.fold_left visit reached (List.concat_map paths texts)
  in
  let found, missing = visit_all ([], []) texts in
  (List.rev found, List.rev missing)

(* {1 Problems} *)

(* The types of OCaml that type expressions name without a module. *)
let built_in =
  [
    "array";
    "bool";
    "bytes";
    "char";
    "exn";
    "float";
    "int";
    "int32";
    "int64";
    "list";
    "nativeint";
    "option";
    "result";
    "string";
    "unit";
  ]

(* Whether a type expression has a type variable that [declared], the declared parameters,
   does not have. *)
let has_variable ?(declared = "") text =
  let is_name c =
    match c with
    | 'a' .. 'z' | 'A' .. 'Z' | '0' .. '9' | '_' | '\'' -> true
    | _ -> false
  in
  let rec variables text i =
    match String.index_from_opt text i '\'' with
    | None -> []
    | Some i when i > 0 && is_name text.[i - 1] -> variables text (i + 1)
    | Some i ->
        let last = ref (i + 1) in
        while !last < String.length text && is_name text.[!last] do
          incr last
        done;
        String.sub text i (!last - i) :: variables text !last
  in
  let declared = variables declared 0 in
  List.exists (fun name -> not (List.mem name declared)) (variables text 0)

(* The result of [tell] for each pair in [pairs] that has the name of an earlier
   pair. *)
let repeated tell pairs =
  let rec go problems = function
    | [] -> problems
    | (name, path) :: others ->
        let problems =
          match List.assoc_opt name others with
          | Some other -> tell name other path :: problems
          | None -> problems
        in
        go problems others
  in
  go [] (List.rev pairs)

let problems_of_type ({ path; name; parameters; definition; _ } : ty) =
  (if List.mem name built_in then
     [
       Printf.sprintf
         "the type %s would hide OCaml's %s: give it another name with \
          #[ocaml(name = \"...\")]"
         path name;
     ]
   else [])
  @
  if List.exists (has_variable ~declared:parameters) (types_in definition) then
    [
      Printf.sprintf
        "the type %s has a Poly in it: one can be an argument or a result, and \
         in tuples, lists and the like, but not in a type with a name"
        path;
    ]
  else []

let problems types missing exceptions functions =
  (* The names that [name_of] finds, with the paths of their types. *)
  let cases_by name_of =
    List.concat_map
      (fun ({ cases; path; _ } : exceptions) ->
        List.filter_map name_of cases |> List.map (fun name -> (name, path)))
      exceptions
  in
  List.map
    (fun path ->
      Printf.sprintf
        "the Rust type %s does not say what it is in OCaml: its trait has to \
         be derived"
        path)
    missing
  @ List.concat_map problems_of_type types
  @ repeated
      (Printf.sprintf
         "two Rust types are called %s in OCaml, %s and %s: give one of them \
          another name with #[ocaml(name = \"...\")]")
      (List.map (fun ({ name; path; _ } : ty) -> (name, path)) types)
  (* Two types in different blocks of code can have the same path. *)
  @ repeated
      (Printf.sprintf
         "two Rust types have the path %s, and are called %s and %s in OCaml: \
          give one of them another name in Rust")
      (List.sort_uniq compare
         (List.map (fun ({ name; path; _ } : ty) -> (path, name)) types))
  @ repeated
      (Printf.sprintf
         "two functions are called %s in OCaml, %s and %s: give one of them \
          another name with #[func(name = \"...\")]")
      (List.map (fun ({ name; path; _ } : func) -> (name, path)) functions)
  @ repeated
      (Printf.sprintf
         "two exceptions are called %s in OCaml, of %s and %s: give one of \
          them another name with #[ocaml(name = \"...\")] on the variant")
      (cases_by (function
        | { same_as = None; exn } -> Some exn.name
        | { same_as = Some _; _ } -> None))
  @ repeated
      (Printf.sprintf
         "two variants are OCaml's %s, of %s and %s: Rust could not tell which \
          of them an exception stands for")
      (cases_by (fun { same_as; _ } -> same_as))
  @ List.concat_map
      (fun (all : exceptions) ->
        if List.exists has_variable (types_of_exceptions all) then
          [
            Printf.sprintf
              "the error type %s has a Poly in it: an exception has no type \
               parameters"
              all.path;
          ]
        else [])
      exceptions

(* {1 A library} *)

(* A library normally comes from the release of this command. This error is for
   a project that combines parts of two releases. *)
let strange text =
  "the library's description of itself cannot be read (at \"" ^ text
  ^ "\"): the crate lwt-rust and this command must be of one release"

type described = {
  all_types : ty list;
  all_exceptions : exceptions list;
  all_functions : func list;
}

(* The functions and the exceptions with these symbols. *)
let find symbols { all_functions; all_exceptions; _ } =
  List.partition_map
    (fun symbol ->
      let has_it (func : func) = func.symbol = symbol in
      let have_it (exceptions : exceptions) = exceptions.symbol = symbol in
      match
        ( List.find_opt has_it all_functions,
          List.find_opt have_it all_exceptions )
      with
      | Some func, _ -> Left func
      | None, Some exceptions -> Right exceptions
      | None, None -> raise (Malformed symbol))
    symbols

(* The paths of what is of the crate and not in [named]. *)
let forgotten crate named { all_functions; all_exceptions; _ } =
  List.filter_map
    (fun (of_crate, symbol, path) ->
      if of_crate = crate && not (List.mem symbol named) then Some path
      else None)
    (List.map
       (fun ({ crate; symbol; path; _ } : func) -> (crate, symbol, path))
       all_functions
    @ List.map
        (fun ({ crate; symbol; path; _ } : exceptions) -> (crate, symbol, path))
        all_exceptions)

let describe { name = crate; doc; symbols } all named =
  let functions, exceptions = find symbols all in
  let types, missing =
    reached all.all_types
      (List.concat_map types_of_exceptions exceptions
      @ List.concat_map types_of_function functions)
  in
  match problems types missing exceptions functions with
  | _ :: _ as problems -> Error problems
  | [] ->
      let name_of path =
        (List.find (fun (ty : ty) -> ty.path = path) types).name
      in
      let named_type = with_names name_of in
      let of_function (func : func) =
        {
          func with
          parameters =
            List.map (fun (name, ty) -> (name, named_type ty)) func.parameters;
          result = named_type func.result;
        }
      in
      let of_type (ty : ty) =
        { ty with definition = map_types named_type ty.definition }
      in
      let of_exceptions (exceptions : exceptions) =
        {
          exceptions with
          cases = List.map (map_case named_type) exceptions.cases;
        }
      in
      Ok
        {
          crate;
          doc;
          types = List.map of_type types;
          exceptions = List.map of_exceptions exceptions;
          functions = List.map of_function functions;
          forgotten = forgotten crate named all;
        }

let read ~crate records =
  match
    let records = List.map of_record records in
    let select f = List.filter_map f records in
    let all =
      {
        all_types = select (function Type ty -> Some ty | _ -> None);
        all_exceptions =
          select (function Exceptions all -> Some all | _ -> None);
        all_functions =
          select (function Function func -> Some func | _ -> None);
      }
    in
    let libraries = select (function Library l -> Some l | _ -> None) in
    let named = List.concat_map (fun { symbols; _ } -> symbols) libraries in
    match
      List.filter (fun (library : library) -> library.name = crate) libraries
    with
    | [ library ] -> describe library all named
    | [] ->
        Error
          [
            Printf.sprintf
              "the crate %s has to name its functions for OCaml, with \
               lwt_rust::library![...]"
              crate;
          ]
    | _ :: _ ->
        Error
          [
            Printf.sprintf
              "the crate %s has more than one lwt_rust::library![...]" crate;
          ]
  with
  | result -> result
  | exception Malformed text -> Error [ strange text ]
