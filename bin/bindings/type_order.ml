open Description
module Paths = Set.Make (String)

let groups types =
  let by_path = Hashtbl.create 16 in
  List.iter (fun (ty : ty) -> Hashtbl.replace by_path ty.path ty) types;
  let uses (ty : ty) =
    List.concat_map paths (types_in ty.definition)
    |> List.filter_map (Hashtbl.find_opt by_path)
  in
  (* The paths of all types that [ty] uses, directly or through other types. *)
  let reach (ty : ty) =
    let rec add reached (used : ty) =
      if Paths.mem used.path reached then reached
      else List.fold_left add (Paths.add used.path reached) (uses used)
    in
    List.fold_left add Paths.empty (uses ty)
  in
  let reached = List.map (fun (ty : ty) -> (ty.path, reach ty)) types in
  let uses_path path (ty : ty) = Paths.mem path (List.assoc ty.path reached) in
  let rec place (placed, groups) (ty : ty) =
    if Paths.mem ty.path placed then (placed, groups)
    else
      let is_of_group (other : ty) =
        other.path = ty.path
        || (uses_path ty.path other && uses_path other.path ty)
      in
      let group = List.filter is_of_group types in
      let placed =
        List.fold_left
          (fun placed (ty : ty) -> Paths.add ty.path placed)
          placed group
      in
      let before =
        List.concat_map uses group
        |> List.filter (fun ty -> not (is_of_group ty))
      in
      let placed, groups = List.fold_left place (placed, groups) before in
      (placed, group :: groups)
  in
  let _, groups = List.fold_left place (Paths.empty, []) types in
  List.rev groups
