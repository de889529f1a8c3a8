open Description

type place = {
  name : string;
  rust : string;
  doc : string;
  types : ty list;
  exceptions : exceptions list;
  functions : func list;
  places : place list;
}

(* {1 The types that are used} *)

let types_of_function { parameters; result; _ } =
  List.map (fun (parameter : parameter) -> parameter.ty) parameters @ [ result ]

let types_of_exceptions { cases; _ } = List.concat_map types_in_case cases
let types_of_type (ty : ty) = types_in ty.definition
let rec all_types place = place.types @ List.concat_map all_types place.places

let rec texts place =
  List.concat_map types_of_type place.types
  @ List.concat_map types_of_exceptions place.exceptions
  @ List.concat_map types_of_function place.functions
  @ List.concat_map texts place.places

let is_type_of types path = List.exists (fun (ty : ty) -> ty.path = path) types

(* The paths of the types that a group uses, and those that a module uses. The
   types that belong to the group or to the module are not among them. *)

let uses_of_group group =
  List.concat_map types_of_type group
  |> List.concat_map paths
  |> List.filter (fun path -> not (is_type_of group path))

let uses_of_place place =
  let own = all_types place in
  List.concat_map paths (texts place)
  |> List.filter (fun path -> not (is_type_of own path))

(* {1 Names}

   A frame is a module in which we are, as far as it has been written. *)

type frame = {
  level : string list; (* the names of the module and those around it *)
  types : string list; (* the names of all its types *)
  modules : string list; (* the names of all its submodules *)
  mutable names : (string * string) list;
      (* the names of types by path, the newest first *)
}

(* The type with this path has to be declared at this level too, by a name that
   no other type has. *)
exception Lift of string list * string

let is_declared frames path =
  List.exists (fun { names; _ } -> List.mem_assoc path names) frames

(* The name of a declared type in the innermost of [frames]. *)
let name_in frames path =
  let is_visible ~types ~modules name =
    match String.index_opt name '.' with
    | None -> not (List.mem name types)
    | Some dot -> not (List.mem (String.sub name 0 dot) modules)
  in
  (* [types] and [modules] hide others of the same names. [declared] is the level
     of the first frame that has the type. *)
  let rec find ~types ~modules declared = function
    | [] -> (
        match declared with
        | Some level -> raise (Lift (level, path))
        | None -> invalid_arg path)
    | frame :: outer -> (
        let names =
          List.filter (fun (declared, _) -> declared = path) frame.names
        in
        match
          List.find_opt (fun (_, name) -> is_visible ~types ~modules name) names
        with
        | Some (_, name) -> name
        | None ->
            let declared =
              match (declared, names) with
              | None, _ :: _ -> Some frame.level
              | _ -> declared
            in
            find ~types:(frame.types @ types) ~modules:(frame.modules @ modules)
              declared outer)
  in
  find ~types:[] ~modules:[] None frames

(* A type that is declared again at a level has a name that begins with the modules
   between: at the whole module [Client.t] is [client_t]. No other type that is known
   there has this name. It has a [_] in it, so it is neither a keyword nor the name of a
   type of OCaml's. *)
type lifted = {
  level : string list;
  path : string;
  flat : string;
  home : string;
}

(* Whether one of the levels contains the other. *)
let nested one other =
  let rec is_end of_it list =
    list = of_it
    || match list with [] -> false | _ :: rest -> is_end of_it rest
  in
  is_end one other || is_end other one

let all_lifted place =
  let names = List.map (fun (ty : ty) -> ty.name) (all_types place) in
  let rec free level found name =
    let is_taken (other : lifted) =
      other.flat = name && nested other.level level
    in
    if List.mem name names || List.exists is_taken found then
      free level found (name ^ "_")
    else name
  in
  (* Adds the types in [place], which is in the modules [within] of [level]. *)
  let rec add level within found (place : place) =
    let add_type found (ty : ty) =
      let parts = within @ [ ty.name ] in
      let name = String.lowercase_ascii (String.concat "_" parts) in
      let home = String.concat "." (within @ [ ty.name ]) in
      { level; path = ty.path; flat = free level found name; home } :: found
    in
    List.fold_left
      (fun found inner -> add level (within @ [ inner.name ]) found inner)
      (List.fold_left add_type found place.types)
      place.places
  in
  let rec visit level found place =
    List.fold_left
      (fun found inner -> visit (inner.name :: level) found inner)
      (add level [] found place) place.places
  in
  visit [] [] place

(* {1 The order} *)

type waiting = Types of ty list | Place of place

let uses = function
  | Types group -> uses_of_group group
  | Place place -> uses_of_place place

(* The first waiting item whose types are all declared, and the others. *)
let rec ready is_declared = function
  | [] -> None
  | item :: others when List.for_all is_declared (uses item) ->
      Some (item, others)
  | item :: others ->
      Option.map
        (fun (found, others) -> (found, item :: others))
        (ready is_declared others)

let applied (ty : ty) name =
  if ty.parameters = "" then name else ty.parameters ^ " " ^ name

let rec arrange ~lifted ~all_lifted outer place =
  let level =
    match outer with
    | [] -> []
    | ({ level; _ } : frame) :: _ -> place.name :: level
  in
  let is_lifted (ty : ty) = List.mem (level, ty.path) lifted in
  let of_submodules = List.concat_map all_types place.places in
  let frame =
    {
      level;
      types = List.map (fun (ty : ty) -> ty.name) place.types;
      modules = List.map (fun { name; _ } -> name) place.places;
      names = [];
    }
  in
  let frames = frame :: outer in
  let know path name = frame.names <- (path, name) :: frame.names in
  let named text = with_names (name_in frames) text in
  let with_definition (ty : ty) =
    { ty with definition = map_types named ty.definition }
  in
  (* What the type is the same as, if it has another name here already. *)
  let same_as (ty : ty) =
    if ty.same_as = None && is_declared frames ty.path then
      Some (applied ty (name_in frames ty.path))
    else ty.same_as
  in
  let declare group =
    let group =
      List.map (fun (ty : ty) -> { ty with same_as = same_as ty }) group
    in
    List.iter (fun (ty : ty) -> know ty.path ty.name) group;
    Group (List.map with_definition group)
  in
  (* Types of submodules, and types of this module that would be hidden. *)
  let declare_lifted group =
    let rename (ty : ty) =
      let is_it (lifted : lifted) =
        lifted.level = level && lifted.path = ty.path
      in
      let { flat; home; _ } = List.find is_it all_lifted in
      { ty with name = flat; doc = Printf.sprintf "The same as `%s`." home }
    in
    declare (List.map rename group)
  in
  let write = function
    | Types group when List.for_all is_lifted group ->
        let own = List.filter (fun ty -> List.memq ty place.types) group in
        let lifted = declare_lifted group in
        lifted :: List.map (fun ty -> declare [ ty ]) own
    | Types group -> (
        match List.find_opt is_lifted group with
        | Some _ ->
            (* All types of a group are lifted together. *)
            let other = List.find (fun ty -> not (is_lifted ty)) group in
            raise (Lift (level, other.path))
        | None -> [ declare group ])
    | Place inner ->
        let contents = arrange ~lifted ~all_lifted frames inner in
        let rec publish prefix place =
          let prefix = prefix ^ place.name ^ "." in
          List.iter
            (fun (ty : ty) -> know ty.path (prefix ^ ty.name))
            place.types;
          List.iter (publish prefix) place.places
        in
        publish "" inner;
        [ Submodule (inner.name, contents) ]
  in
  (* No order is possible. So a type that belongs to a waiting submodule, and is
     needed before, is lifted. *)
  let stuck waiting =
    let is_missing path =
      (not (is_declared frames path))
      && is_type_of of_submodules path
      && not (List.mem (level, path) lifted)
    in
    let missing = List.filter is_missing (List.concat_map uses waiting) in
    raise (Lift (level, List.hd missing))
  in
  let rec write_all waiting =
    match ready (is_declared frames) waiting with
    | Some (item, others) ->
        let items = write item in
        items @ write_all others
    | None when waiting = [] -> []
    | None -> (
        match
          List.filter (function Types _ -> true | Place _ -> false) waiting
        with
        | [] -> stuck waiting
        | groups -> stuck groups)
  in
  let groups =
    Type_order.groups (List.filter is_lifted of_submodules @ place.types)
  in
  let items =
    write_all
      (List.map (fun group -> Types group) groups
      @ List.map (fun place -> Place place) place.places)
  in
  let of_function (func : func) =
    {
      func with
      parameters =
        List.map
          (fun (parameter : parameter) ->
            { parameter with ty = named parameter.ty })
          func.parameters;
      result = named func.result;
    }
  in
  let of_exceptions (exceptions : exceptions) =
    { exceptions with cases = List.map (map_case named) exceptions.cases }
  in
  {
    doc = place.doc;
    items;
    exceptions = List.map of_exceptions place.exceptions;
    functions = List.map of_function place.functions;
  }

let contents place =
  let all_lifted = all_lifted place in
  let rec try_with lifted =
    match arrange ~lifted ~all_lifted [] place with
    | contents -> contents
    | exception Lift (level, path) ->
        (* Otherwise this would go on for ever. *)
        assert (not (List.mem (level, path) lifted));
        try_with ((level, path) :: lifted)
  in
  try_with []
