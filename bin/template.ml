(* The files of template/. *)

let ( / ) = Filename.concat

(* The names in the template: those of the package, of the OCaml library, and of
   its module. *)
let package = "my-project"
let library = "my_project"
let module_name = "My_project"

(* Keywords of the two languages, and names that another library or file has. *)
let refused =
  String.split_on_char ' '
    "and as assert async await begin box break class const constraint continue \
     crate do done downto dyn effect else end enum exception extern external \
     false final fn for fun function functor gen if impl in include inherit \
     initializer lazy let loop macro match method mod module move mut mutable \
     new nonrec object of open override priv private pub ref rec return self \
     sig static struct super test then to trait true try type typeof unsafe \
     unsized use val virtual when where while with yield lwt lwt_rust lwt-rust \
     stdlib tokio unix core std alloc main bin lib rust"

let check name =
  let is_letter c = c >= 'a' && c <= 'z' in
  let is_inner c =
    is_letter c || (c >= '0' && c <= '9') || c = '_' || c = '-'
  in
  if
    name = ""
    || (not (is_letter name.[0]))
    || (not (String.for_all is_inner name))
    || String.length name > 60
  then
    Error
      (Printf.sprintf
         "%S cannot be the name of a package: it has to begin with a small \
          letter, go on with small letters, digits, - or _, and have at most \
          60 of them"
         name)
  else if List.mem name refused then
    Error (Printf.sprintf "%S is taken: choose another name" name)
  else Ok ()

let replace ~old ~by text =
  let n = String.length old in
  let buffer = Buffer.create (String.length text) in
  let rec go i =
    if i + n > String.length text then
      Buffer.add_substring buffer text i (String.length text - i)
    else if String.sub text i n = old then (
      Buffer.add_string buffer by;
      go (i + n))
    else (
      Buffer.add_char buffer text.[i];
      go (i + 1))
  in
  go 0;
  Buffer.contents buffer

let fill name text =
  let ocaml = replace ~old:"-" ~by:"_" name in
  text
  |> replace ~old:package ~by:name
  |> replace ~old:library ~by:ocaml
  |> replace ~old:module_name ~by:(String.capitalize_ascii ocaml)

(* The path of a file of the template in the new project. dune installs no
   folder whose name begins with a dot, so such names begin with [dot_] in the
   template. *)
let destination name path = fill name (replace ~old:"dot_" ~by:"." path)

let rec files folder relative =
  Sys.readdir (folder / relative)
  |> Array.to_list
  |> List.concat_map (fun entry ->
         let path = if relative = "" then entry else relative / entry in
         if Sys.is_directory (folder / path) then files folder path
         else [ path ])

let rec make_folder path =
  if not (Sys.file_exists path) then (
    make_folder (Filename.dirname path);
    Sys.mkdir path 0o777)

let read path = In_channel.with_open_bin path In_channel.input_all

let write path text =
  make_folder (Filename.dirname path);
  Out_channel.with_open_gen [ Open_wronly; Open_creat; Open_excl; Open_binary ]
    0o666 path (fun channel -> Out_channel.output_string channel text)

let nothing_there name =
  if Sys.file_exists name && Sys.readdir name <> [||] then
    Error
      (Printf.sprintf
         "there is something in %s already, and nothing is overwritten" name)
  else Ok ()
