open Cmdliner
open Lwt_rust_bindings

let ( / ) = Filename.concat

(* {1 The commands}

   Each function returns the exit status. *)

let fail problems =
  List.iter (fun problem -> prerr_endline ("lwt-rust: " ^ problem)) problems;
  1

(* The crate of a library's file: [NAME] of [libNAME.a] and [dllNAME.so]. *)
let crate_of path =
  let base = Filename.remove_extension (Filename.basename path) in
  let is_prefix prefix = String.starts_with ~prefix base in
  if List.exists is_prefix [ "lib"; "dll" ] then
    String.sub base 3 (String.length base - 3)
  else base

let warn_of_forgotten crate path =
  Printf.eprintf
    "lwt-rust: warning: OCaml does not get %s, since no lwt_rust::library! of \
     the crate %s names it\n"
    path crate

let bindings crate library implementation interface =
  let crate = Option.value crate ~default:(crate_of library) in
  let write path text =
    Out_channel.with_open_bin path (fun channel ->
        Out_channel.output_string channel text)
  in
  match Records.of_file library with
  | Error problem -> fail [ problem ]
  | Ok records -> (
      match Library.read ~crate records with
      | Error problems ->
          fail (List.map (fun problem -> library ^ ": " ^ problem) problems)
      | Ok description -> (
          List.iter (warn_of_forgotten crate) description.forgotten;
          match
            write implementation (Printer.implementation description);
            write interface (Printer.interface description)
          with
          | () -> 0
          | exception Sys_error message -> fail [ message ]))

let with_template f =
  Result.bind (Place.library ()) (fun library ->
      f ~template:(library / "template"))

let new_project name =
  match with_template (fun ~template -> New_project.create ~template name) with
  | Error problem -> fail [ problem ]
  | Ok files ->
      List.iter (fun file -> print_endline (name / file)) files;
      Printf.printf
        "\nNow:\n\n  cd %s\n  dune build\n  dune test\n  dune exec %s\n" name
        name;
      0

(* Cargo knows which folders the patterns in `members` mean. It fails if the
   crate is no member. *)
let is_member manifest =
  let arguments =
    [ "locate-project"; "--workspace"; "--manifest-path"; manifest ]
  in
  Sys.command
    (Filename.quote_command "cargo" ~stdout:Filename.null ~stderr:Filename.null
       arguments)
  = 0

let new_binding name =
  match
    with_template (fun ~template -> Workspace.bind ~template ~is_member name)
  with
  | Error problem -> fail [ problem ]
  | Ok { Workspace.written; steps } ->
      List.iter print_endline written;
      Printf.printf "\nNow:\n\n";
      List.iter (fun step -> Printf.printf "  %s\n" step) steps;
      Printf.printf "  dune build\n  dune test\n  dune exec %s\n" name;
      0

let doctor () =
  let findings = Doctor.findings ~library:(Place.library ()) in
  List.iter
    (fun { Doctor.name; state } ->
      match state with
      | Ok what -> Printf.printf "ok      %-7s %s\n" name what
      | Error what -> Printf.printf "problem %-7s %s\n" name what)
    findings;
  if List.for_all (fun { Doctor.state; _ } -> Result.is_ok state) findings then
    0
  else 1

let config offline =
  match Place.library () with
  | Error problem -> fail [ problem ]
  | Ok library ->
      let vendored = library / "vendor" / "crates" in
      if offline && not (Sys.file_exists vendored) then
        fail
          [
            Printf.sprintf
              "there is no %s: what is installed is no release, and came \
               without the crates"
              vendored;
          ]
      else (
        Printf.printf "# Written by lwt-rust config, for this machine.\n\n";
        Printf.printf "[patch.crates-io]\nlwt-rust = { path = %S }\n\n"
          (library / "rust" / "lwt-rust");
        Printf.printf "[env]\nOCAMLOPT = \"ocamlopt\"\n";
        if offline then
          Printf.printf
            "\n\
             [net]\n\
             offline = true\n\n\
             [source.crates-io]\n\
             replace-with = \"lwt-rust\"\n\n\
             [source.lwt-rust]\n\
             directory = %S\n"
            vendored;
        0)

(* {1 The command line} *)

let exits =
  [
    Cmd.Exit.info 0 ~doc:"on success.";
    Cmd.Exit.info 1 ~doc:"when something was wrong, as the message says.";
    Cmd.Exit.info 124 ~doc:"when the command line was wrong.";
  ]

let info name ~doc description =
  Cmd.info name ~doc ~exits
    ~man:(`S Manpage.s_description :: List.map (fun text -> `P text) description)

let position n docv doc =
  Arg.(required & pos n (some string) None & info [] ~docv ~doc)

let new_command =
  let binding =
    Arg.(
      value & flag
      & info [ "binding" ]
          ~doc:
            "Write the bindings of the Cargo workspace in the present folder: \
             into the folder $(i,NAME), a crate that is a member of the \
             workspace, its OCaml module, a program and a test, and beside it \
             the files of dune and opam that are not there. The crate may name \
             the other crates of the workspace. No file is changed: if a line \
             has to be added to one, the command prints it.")
  in
  let write binding name =
    if binding then new_binding name else new_project name
  in
  Cmd.v
    (info "new" ~doc:"write a new project"
       [
         "Writes a small project into the new folder $(i,NAME): a crate with \
          an asynchronous function, the OCaml module that is generated from \
          it, a program, a test, an opam file, and a workflow that tests it on \
          GitHub. The project builds without changes.";
         "$(i,NAME) is the name of the package: small letters, digits, - and \
          _. A folder that is not empty is left as it is.";
       ])
    Term.(
      const write $ binding
      $ position 0 "NAME" "The name of the project and of its folder.")

let doctor_command =
  Cmd.v
    (info "doctor" ~doc:"check what a project needs"
       [
         "Looks for cargo, rustc, OCaml, dune, Lwt and the crates of lwt_rust. \
          Prints a line for each of them. If one is missing or too old, the \
          line says how to install it.";
       ])
    Term.(const doctor $ const ())

let config_command =
  let offline =
    Arg.(
      value & flag
      & info [ "offline" ]
          ~doc:"Take all crates from those that came with the package.")
  in
  Cmd.v
    (info "config" ~doc:"print a configuration for cargo"
       [
         "Prints the configuration with which cargo and rust-analyzer find the \
          crate $(b,lwt-rust) when you use them by hand, without dune. Write \
          it to $(b,.cargo/config.toml) in the project's folder. Do not commit \
          that file, since it names folders of this machine.";
       ])
    Term.(const config $ offline)

let bindings_command =
  let crate =
    Arg.(
      value
      & opt (some string) None
      & info [ "crate" ] ~docv:"CRATE"
          ~doc:
            "The crate whose functions the module has, if the library is not \
             named after the crate.")
  in
  Cmd.v
    (info "bindings" ~doc:"write the OCaml module of a crate"
       [
         "Reads the static or the dynamic library of a crate, and writes the \
          implementation and the interface of the OCaml module that calls its \
          functions: those that the crate names with $(b,lwt_rust::library!). \
          The command does not run the library, so the library may be one for \
          another machine. The command is for dune's rules: $(b,lwt-rust new) \
          writes such rules.";
       ])
    Term.(
      const bindings $ crate
      $ position 0 "LIBRARY"
          "The static library, libNAME.a, or the dynamic one, dllNAME.so."
      $ position 1 "NAME.ml" "The implementation to write."
      $ position 2 "NAME.mli" "The interface to write.")

let () =
  exit
    (Cmd.eval'
       (Cmd.group
          (Cmd.info "lwt-rust" ~version:Version.version ~exits
             ~doc:"Rust functions for Lwt programs"
             ~man:
               [
                 `S Manpage.s_description;
                 `P
                   "The companion of the OCaml library $(b,lwt_rust). It \
                    creates projects with a Rust part, and generates the OCaml \
                    modules of crates.";
               ])
          [ new_command; doctor_command; config_command; bindings_command ]))
