(* The externals of OCaml and the symbols of Rust are the same, and so are their
   numbers of arguments. Called as: stubs RAW.ML SYMBOLS ARCHIVE. *)

let read file = In_channel.with_open_bin file In_channel.input_all

let rec arity (typ : Parsetree.core_type) =
  match typ.ptyp_desc with
  | Ptyp_arrow (_, _, result) -> 1 + arity result
  | Ptyp_poly (_, typ) -> arity typ
  | _ -> 0

(* [(symbol, arity)] of each [external]. *)
let externals file =
  let lexbuf = Lexing.from_string (read file) in
  List.concat_map
    (fun (item : Parsetree.structure_item) ->
      match item.pstr_desc with
      | Pstr_primitive { pval_prim; pval_type; _ } ->
          List.map (fun symbol -> (symbol, arity pval_type)) pval_prim
      | _ -> [])
    (Parse.implementation lexbuf)

let split_on text separator =
  let n = String.length separator in
  let rec go from at =
    if at + n > String.length text then
      [ String.sub text from (String.length text - from) ]
    else if String.sub text at n = separator then
      String.sub text from (at - from) :: go (at + n) (at + n)
    else go from (at + 1)
  in
  go 0 0

(* [(symbol, arity)] of each [extern "C" fn] in the files of a folder. *)
let symbols folder =
  let of_file file =
    match split_on (read (Filename.concat folder file)) "extern \"C\" fn " with
    | [] -> []
    | _ :: functions ->
        List.map
          (fun text ->
            let name = String.index text '(' in
            let ends = String.index text ')' in
            let parameters = String.sub text name (ends - name) in
            ( String.sub text 0 name,
              List.length (String.split_on_char ':' parameters) - 1 ))
          functions
  in
  List.concat_map of_file (Array.to_list (Sys.readdir folder))

let defined archive =
  let command =
    "nm --defined-only " ^ Filename.quote archive ^ " 2>/dev/null"
  in
  let channel = Unix.open_process_in command in
  let lines = In_channel.input_all channel in
  ignore (Unix.close_process_in channel : Unix.process_status);
  List.filter_map
    (fun line ->
      match String.split_on_char ' ' line with
      | [ _; "T"; name ] ->
          let is_ours = String.starts_with ~prefix:"lwt_rust_" name in
          if is_ours then Some name else None
      | _ -> None)
    (String.split_on_char '\n' lines)

let () =
  let raw = Sys.argv.(1) and folder = Sys.argv.(2) and archive = Sys.argv.(3) in
  let signature = Alcotest.(list (pair string int)) in
  let externals = List.sort compare (externals raw) in
  let same () =
    Alcotest.(check bool) "there are some" true (List.length externals > 5);
    Alcotest.check signature "externals and symbols" externals
      (List.sort compare (symbols folder))
  in
  let exported () =
    Alcotest.(check (list string))
      "externals and the archive" (List.map fst externals)
      (List.sort_uniq compare (defined archive))
  in
  Alcotest.run ~argv:[| "stubs" |] "stubs"
    [
      ( "stubs",
        [
          Alcotest.test_case "externals and symbols are the same" `Quick same;
          Alcotest.test_case "the archive defines them" `Quick exported;
        ] );
    ]
