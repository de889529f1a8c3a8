open Description

let is_letter = function
  | 'a' .. 'z' | 'A' .. 'Z' | '0' .. '9' | '_' | '\'' | '.' -> true
  | _ -> false

(* The words that could be names in a type expression, such as [Unix.t] and
   ['a]. *)
let words text =
  String.map (fun c -> if is_letter c then c else ' ') text
  |> String.split_on_char ' '

module Names = Set.Make (String)

let groups types =
  let by_name = Hashtbl.create 16 in
  List.iter (fun (ty : ty) -> Hashtbl.replace by_name ty.name ty) types;
  let uses (ty : ty) =
    List.concat_map words (types_in ty.definition)
    |> List.filter_map (Hashtbl.find_opt by_name)
  in
  (* The names of all types that [ty] uses, directly or through other types. *)
  let reach (ty : ty) =
    let rec add reached (used : ty) =
      if Names.mem used.name reached then reached
      else List.fold_left add (Names.add used.name reached) (uses used)
    in
    List.fold_left add Names.empty (uses ty)
  in
  let reached = List.map (fun (ty : ty) -> (ty.name, reach ty)) types in
  let uses_name name (ty : ty) = Names.mem name (List.assoc ty.name reached) in
  let rec place (placed, groups) (ty : ty) =
    if Names.mem ty.name placed then (placed, groups)
    else
      let is_of_group (other : ty) =
        other.name = ty.name
        || (uses_name ty.name other && uses_name other.name ty)
      in
      let group = List.filter is_of_group types in
      let placed =
        List.fold_left
          (fun placed (ty : ty) -> Names.add ty.name placed)
          placed group
      in
      let before =
        List.concat_map uses group
        |> List.filter (fun ty -> not (is_of_group ty))
      in
      let placed, groups = List.fold_left place (placed, groups) before in
      (placed, group :: groups)
  in
  let _, groups = List.fold_left place (Names.empty, []) types in
  List.rev groups
