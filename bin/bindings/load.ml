external load : string -> string -> string = "lwt_rust_bindings_load"

(* The name of a library, as in [libNAME.so] and [dllNAME.so]. *)
let crate_of path =
  let base = Filename.remove_extension (Filename.basename path) in
  let prefixed prefix = String.starts_with ~prefix base in
  if prefixed "lib" || prefixed "dll" then
    String.sub base 3 (String.length base - 3)
  else base

let description ?crate path =
  let crate = Option.value crate ~default:(crate_of path) in
  (* Without a slash, the system would look for it elsewhere. *)
  let path =
    if Filename.is_relative path then Filename.concat (Sys.getcwd ()) path
    else path
  in
  match load path ("lwt_rust_library_" ^ crate) with
  | text -> Ok text
  | exception Not_found ->
      Error
        (Printf.sprintf
           "%s says nothing of the functions of the crate %s: it has to name \
            them, with lwt_rust::library![...]"
           path crate)
  | exception Failure message -> Error message
