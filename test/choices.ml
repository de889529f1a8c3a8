(** [weighted choices] takes each choice as often as its number says. The
    function of QCheck that does this has another name in each release. *)
let weighted choices =
  QCheck.Gen.oneof
    (List.concat_map (fun (n, choice) -> List.init n (fun _ -> choice)) choices)
