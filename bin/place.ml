let ( / ) = Filename.concat

let library () =
  let path = Option.value (Sys.getenv_opt "OCAMLPATH") ~default:"" in
  let folders =
    List.filter (( <> ) "") (String.split_on_char ':' path)
    @ [ Filename.dirname (Filename.dirname Sys.executable_name) / "lib" ]
  in
  let is_it folder = Sys.file_exists (folder / "lwt_rust" / "rust") in
  match List.find_opt is_it folders with
  | Some folder -> Ok (folder / "lwt_rust")
  | None ->
      Error
        (Printf.sprintf
           "the files of lwt_rust are in none of %s: set OCAMLPATH to the \
            folder that has the folder lwt_rust"
           (String.concat ", " folders))
