open Lwt_rust_bindings

let write path text =
  Out_channel.with_open_bin path (fun channel ->
      Out_channel.output_string channel text)

let fail problems =
  List.iter
    (fun problem -> prerr_endline ("lwt-rust bindings: " ^ problem))
    problems;
  exit 1

let () =
  match Sys.argv with
  | [| _; library; implementation; interface |] -> (
      match Load.description library with
      | Error problem -> fail [ problem ]
      | Ok text -> (
          match Description.parse text with
          | Error problems -> fail problems
          | Ok description ->
              write implementation (Printer.implementation description);
              write interface (Printer.interface description)))
  | _ -> fail [ "usage: generate LIBRARY.so NAME.ml NAME.mli" ]
