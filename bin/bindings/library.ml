open Description

(* {1 The types that functions use} *)

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

(* The modules of OCaml that a text names. *)
let modules_in text =
  let is_of_path = function
    | 'a' .. 'z' | 'A' .. 'Z' | '0' .. '9' | '_' | '\'' | '.' -> true
    | _ -> false
  in
  String.map (fun c -> if is_of_path c then c else ' ') text
  |> String.split_on_char ' '
  |> List.filter_map (fun word ->
         Option.map (String.sub word 0) (String.index_opt word '.'))

let rec in_all_places f (place : Layout.place) =
  f place @ List.concat_map (in_all_places f) place.places

(* Names that two things of one OCaml module have. *)
let clashes ({ types; exceptions; functions; places; _ } : Layout.place) =
  let clash kind remedy named =
    let tell name one other =
      if one = other then None
      else
        Some
          (Printf.sprintf "two %s are called %s in OCaml, %s and %s: %s" kind
             name one other remedy)
    in
    List.filter_map Fun.id (repeated tell named)
  in
  let or_modules attribute =
    Printf.sprintf
      "give one of them another name with %s, or put the members of their \
       modules into modules in the library: mod http { get }"
      attribute
  in
  let of_ocaml = "#[ocaml(name = \"...\")]" in
  let of_case (all : exceptions) = function
    | { same_as = None; exn } -> Some (exn.name, all.path)
    | { same_as = Some _; _ } -> None
  in
  clash "Rust types" (or_modules of_ocaml)
    (List.map (fun ({ name; path; _ } : ty) -> (name, path)) types)
  @ clash "functions"
      (or_modules "#[func(name = \"...\")]")
      (List.map (fun ({ name; path; _ } : func) -> (name, path)) functions)
  @ repeated
      (Printf.sprintf
         "two exceptions are called %s in OCaml, of %s and %s: give one of \
          them another name with #[ocaml(name = \"...\")] on the variant")
      (List.concat_map
         (fun all -> List.filter_map (of_case all) all.cases)
         exceptions)
  @ clash "modules"
      ("give one of them another name with " ^ of_ocaml)
      (List.map (fun ({ name; rust; _ } : Layout.place) -> (name, rust)) places)

(* Submodules that would hide modules which the bindings name. *)
let hiding used ({ places; _ } : Layout.place) =
  List.filter (fun (place : Layout.place) -> List.mem place.name used) places
  |> List.map (fun ({ name; rust; _ } : Layout.place) ->
         Printf.sprintf
           "the module of %s would hide the module %s, which the bindings use: \
            give it another name with #[ocaml(name = \"...\")]"
           rust name)

let problems types missing (place : Layout.place) =
  let exceptions = in_all_places (fun { exceptions; _ } -> exceptions) place in
  let texts = Layout.texts place in
  let same_as =
    List.filter_map (fun (ty : ty) -> ty.same_as) (Layout.all_types place)
    @ List.concat_map
        (fun ({ cases; _ } : exceptions) ->
          List.filter_map (fun (case : case) -> case.same_as) cases)
        exceptions
  in
  let used =
    [ "Call"; "Lwt"; "Lwt_rust"; "Stdlib" ]
    @ List.concat_map modules_in (texts @ same_as)
  in
  List.map
    (fun path ->
      Printf.sprintf
        "the Rust type %s does not say what it is in OCaml: its trait has to \
         be derived"
        path)
    missing
  @ List.concat_map problems_of_type (Layout.all_types place)
  @ in_all_places clashes place
  @ in_all_places (hiding used) place
  (* Two types in different blocks of code can have the same path. *)
  @ repeated
      (Printf.sprintf
         "two Rust types have the path %s, and are called %s and %s in OCaml: \
          give one of them another name in Rust")
      (List.sort compare
         (List.map (fun ({ name; path; _ } : ty) -> (path, name)) types))
  @ repeated
      (Printf.sprintf
         "two variants are OCaml's %s, of %s and %s: Rust could not tell which \
          of them an exception stands for")
      (List.concat_map
         (fun ({ cases; path; _ } : exceptions) ->
           List.filter_map
             (fun { same_as; _ } ->
               Option.map (fun name -> (name, path)) same_as)
             cases)
         exceptions)
  @ List.concat_map
      (fun (all : exceptions) ->
        if List.exists has_variable (Layout.types_of_exceptions all) then
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
  all_methods : methods list;
}

(* What a symbol in a library stands for. *)
let find symbol { all_functions; all_exceptions; all_methods; _ } =
  let first has_it items f = Option.map f (List.find_opt has_it items) in
  let found =
    [
      first
        (fun (func : func) -> func.owner = None && func.symbol = symbol)
        all_functions
        (fun func -> Function func);
      first
        (fun (exceptions : exceptions) -> exceptions.symbol = symbol)
        all_exceptions
        (fun exceptions -> Exceptions exceptions);
      first
        (fun (methods : methods) -> methods.symbol = symbol)
        all_methods
        (fun methods -> Methods methods);
    ]
  in
  match List.find_map Fun.id found with
  | Some record -> record
  | None -> raise (Malformed symbol)

let rec symbols members =
  List.concat_map
    (function
      | Symbol symbol -> [ symbol ] | Module { members; _ } -> symbols members)
    members

(* The paths of what is of the crate and not in [named]. *)
let forgotten crate named { all_functions; all_exceptions; all_methods; _ } =
  List.filter_map
    (fun (of_crate, symbol, path) ->
      if of_crate = crate && not (List.mem symbol named) then Some path
      else None)
    (List.filter_map
       (fun ({ crate; owner; symbol; path; _ } : func) ->
         if owner = None then Some (crate, symbol, path) else None)
       all_functions
    @ List.map
        (fun ({ crate; symbol; path; _ } : exceptions) -> (crate, symbol, path))
        all_exceptions
    @ List.map
        (fun ({ crate; symbol; path; _ } : methods) -> (crate, symbol, path))
        all_methods)

(* {1 The modules of a library} *)

let empty name rust doc : Layout.place =
  { name; rust; doc; types = []; exceptions = []; functions = []; places = [] }

(* The module of a type with methods. The type's name in it is [t]. If the type has
   no declaration of ours, this one is the declaration. *)
let place_of_methods all { path; symbol; ty; doc; _ } : Layout.place =
  let is_method (func : func) = func.owner = Some symbol in
  let is_it (declared : ty) = ty = "{" ^ declared.path ^ "}" in
  let declared =
    match List.find_opt is_it all.all_types with
    | Some declared -> declared
    | None ->
        let begins = String.rindex path ':' + 1 in
        let name = String.sub path begins (String.length path - begins) in
        let definition = Alias ty and same_as = None in
        { path; name; parameters = ""; doc = ""; same_as; definition }
  in
  {
    (empty (String.capitalize_ascii declared.name) path doc) with
    types = [ { declared with name = "t" } ];
    functions = List.filter is_method all.all_functions;
  }

(* The module with these members. Its own types are not in it yet. *)
let rec place_of_members all place members : Layout.place =
  List.fold_right
    (fun member (place : Layout.place) ->
      match member with
      | Module { rust; name; doc; members } ->
          let inner =
            place_of_members all
              (empty name (place.rust ^ "::" ^ rust) doc)
              members
          in
          { place with places = inner :: place.places }
      | Symbol symbol -> (
          match find symbol all with
          | Function func -> { place with functions = func :: place.functions }
          | Exceptions exceptions ->
              { place with exceptions = exceptions :: place.exceptions }
          | Methods methods ->
              {
                place with
                places = place_of_methods all methods :: place.places;
              }
          | Type _ | Library _ -> raise (Malformed symbol)))
    members place

(* Adds [ty] to the module that stands for its Rust module, or for the closest module
   around that. *)
let rec add_type (ty : ty) (place : Layout.place) : Layout.place =
  let is_within (inner : Layout.place) =
    String.starts_with ~prefix:(inner.rust ^ "::") ty.path
  in
  if List.exists is_within place.places then
    {
      place with
      places =
        List.map
          (fun inner -> if is_within inner then add_type ty inner else inner)
          place.places;
    }
  else { place with types = place.types @ [ ty ] }

let describe { name = crate; path; doc; members } all named =
  let place = place_of_members all (empty "" path doc) members in
  let types, missing = reached all.all_types (Layout.texts place) in
  let of_methods = Layout.all_types place in
  let is_of_methods (ty : ty) =
    List.exists (fun (other : ty) -> other.path = ty.path) of_methods
  in
  let others = List.filter (fun ty -> not (is_of_methods ty)) types in
  let place = List.fold_left (fun place ty -> add_type ty place) place others in
  match problems types missing place with
  | _ :: _ as problems -> Error problems
  | [] ->
      Ok
        {
          crate;
          contents = Layout.contents place;
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
        all_methods =
          select (function Methods methods -> Some methods | _ -> None);
      }
    in
    let libraries = select (function Library l -> Some l | _ -> None) in
    let named =
      List.concat_map (fun { members; _ } -> symbols members) libraries
    in
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
