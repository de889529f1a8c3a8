type finding = { name : string; state : (string, string) result }

let ( / ) = Filename.concat

let numbers version =
  let rec leading = function
    | [] -> []
    | part :: parts -> (
        match Scanf.sscanf_opt part "%u%s" (fun n rest -> (n, rest)) with
        | Some (n, "") -> n :: leading parts
        | Some (n, _) -> [ n ]
        | None -> [])
  in
  leading (String.split_on_char '.' version)

let newer version least = compare (numbers version) (numbers least) >= 0

(* The first line that a command prints, if there is such a command. *)
let output command arguments =
  match
    Unix.open_process_args_in command (Array.of_list (command :: arguments))
  with
  | exception Unix.Unix_error _ -> None
  | channel -> (
      let line = In_channel.input_line channel in
      match Unix.close_process_in channel with
      | WEXITED 0 -> Some (Option.value line ~default:"")
      | WEXITED _ | WSIGNALED _ | WSTOPPED _ -> None)

(* [cargo 1.85.0 (d73d2caf9 2024-12-31)] *)
let word n line = List.nth_opt (String.split_on_char ' ' line) n

let at_least least advice name found =
  let state =
    match found with
    | None -> Error (Printf.sprintf "is not there, or does not run: %s" advice)
    | Some version when newer version least -> Ok version
    | Some version ->
        Error
          (Printf.sprintf "is %s, and %s is needed: %s" version least advice)
  in
  { name; state }

let rust = "install Rust with rustup, or from the system's packages"

(* The version in a library's META. *)
let meta folder =
  match In_channel.with_open_text (folder / "META") In_channel.input_all with
  | exception Sys_error _ -> None
  | text ->
      List.find_map
        (fun line ->
          Scanf.sscanf_opt line " version = %S" (fun version -> version))
        (String.split_on_char '\n' text)

let lwt library =
  match output "ocamlfind" [ "query"; "-format"; "%v"; "lwt" ] with
  | Some version -> Some version
  | None ->
      Option.bind (Result.to_option library) (fun library ->
          meta (Filename.dirname library / "lwt"))

let crates library =
  let state =
    Result.bind library (fun library ->
        let vendored = library / "vendor" / "crates" in
        if Sys.file_exists vendored then Ok ("with those they need, " ^ library)
        else Ok ("without those they need, which come by network, " ^ library))
  in
  { name = "crates"; state }

let findings ~library =
  let version command = output command [ "--version" ] in
  let second command = Option.bind (version command) (word 1) in
  [
    at_least "1.85" rust "cargo" (second "cargo");
    at_least "1.85" rust "rustc" (second "rustc");
    at_least "5.1" "opam switch create . 5.4.0" "OCaml"
      (output "ocamlopt" [ "-version" ]);
    at_least "3.17" "opam install dune" "dune" (version "dune");
    at_least "5.7" "opam install lwt" "Lwt" (lwt library);
    crates library;
  ]
