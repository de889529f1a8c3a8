open Template

let ( / ) = Filename.concat
let ( let* ) = Result.bind

type binding = { written : string list; steps : string list }

let has text part = replace ~old:part ~by:"" text <> text
let read_if_there path = if Sys.file_exists path then read path else ""

(* [change ~old ~by text] is for a text of the template that has [old]. *)
let change ~old ~by text =
  if not (has text old) then
    invalid_arg (Printf.sprintf "the template has no %S" old);
  replace ~old ~by text

let without old text = change ~old ~by:"" text

(* A file of the template in the folder of the bindings. The crate is a member
   of the workspace, and the workspace has the profiles. The package of the
   crate has another name, since that of the bindings may be taken there. *)
let in_binding path text =
  match path with
  | "rust/Cargo.toml" ->
      text
      |> change ~old:"name = \"my-project\"" ~by:"name = \"my-project-stubs\""
      |> without
           "# A crate by itself, also below the workspace of others.\n\
            [workspace]\n\n"
      |> without "\n[profile.release]\nlto = \"fat\"\ncodegen-units = 1\n"
  | "rust/dune" ->
      text
      |> without "(dirs :standard \\ target)\n\n"
      |> change ~old:"(source_tree .)" ~by:"(source_tree %{project_root})"
  | _ -> text

let is_workspace text =
  let begins_one line =
    List.exists
      (fun prefix -> String.starts_with ~prefix (String.trim line))
      [ "[workspace]"; "[workspace." ]
  in
  if List.exists begins_one (String.split_on_char '\n' text) then Ok ()
  else
    Error
      "there is no Cargo.toml with a line [workspace] in this folder: run the \
       command in the folder of a Cargo workspace, or leave out --binding"

(* The files in the folder [name]. *)
let files_of_binding ~template name =
  let write_one path =
    let destination = name / destination name path in
    write destination (fill name (in_binding path (read (template / path))));
    destination
  in
  let below folder =
    List.map
      (fun path -> write_one (folder / path))
      (files (template / folder) "")
  in
  List.sort compare (List.concat_map below [ "bin"; "lib"; "rust"; "test" ])

(* The files of the workspace's folder, and the step for one that is there
   already, and does not suffice. *)
let files_of_workspace ~template name =
  let from path = fill name (read (template / path)) in
  let opam = name ^ ".opam" in
  let project = read_if_there "dune-project" in
  let declares_packages = has project "(package" in
  let one path ~text ~suffices ~step =
    if not (Sys.file_exists path) then (
      write path text;
      { written = [ path ]; steps = [] })
    else { written = []; steps = (if suffices then [] else [ step ]) }
  in
  let dune =
    one "dune"
      ~text:
        "; Cargo's folder, which dune need not copy.\n\n\
         (dirs :standard \\ target)\n"
      ~suffices:(has (read_if_there "dune") "target")
      ~step:"write (dirs :standard \\ target) into the file dune"
  in
  let project =
    one "dune-project" ~text:(from "dune-project")
      ~suffices:(not declares_packages)
      ~step:
        (Printf.sprintf
           "write (package (name %s) (depends lwt lwt_rust)) into dune-project"
           name)
  in
  (* dune does not take an opam file beside such a declaration. *)
  let opam =
    if declares_packages then { written = []; steps = [] }
    else one opam ~text:(from "my-project.opam") ~suffices:true ~step:""
  in
  [ dune; project; opam ]

let bind ~template ~is_member name =
  let* () = check name in
  match
    let* () = is_workspace (read_if_there "Cargo.toml") in
    let* () = nothing_there name in
    let of_binding = files_of_binding ~template name in
    let of_workspace = files_of_workspace ~template name in
    let member = name / "rust" in
    let of_cargo =
      if is_member (member / "Cargo.toml") then []
      else [ Printf.sprintf "add %S to the members in Cargo.toml" member ]
    in
    Ok
      {
        written =
          of_binding @ List.concat_map (fun part -> part.written) of_workspace;
        steps = of_cargo @ List.concat_map (fun part -> part.steps) of_workspace;
      }
  with
  | result -> result
  | exception Sys_error message -> Error message
