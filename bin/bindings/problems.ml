open Description

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

let find types ~missing (place : Layout.place) =
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
