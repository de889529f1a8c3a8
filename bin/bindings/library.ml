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
  match Problems.find types ~missing place with
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
