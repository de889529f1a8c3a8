external load : string -> string -> string = "lwt_rust_bindings_load"

let description path =
  (* Without a slash, the system would look for it elsewhere. *)
  let path =
    if Filename.is_relative path then Filename.concat (Sys.getcwd ()) path
    else path
  in
  match load path "lwt_rust_library" with
  | text -> Ok text
  | exception Not_found ->
      Error
        (path
       ^ " says nothing of its functions: its crate has to name them, with \
          lwt_rust::library![...]")
  | exception Failure message -> Error message
