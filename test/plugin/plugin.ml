external keep : string list -> unit Lwt_rust.Executor.call = "test_keep_root"
external kept : unit -> string list Lwt_rust.Executor.call = "test_kept_root"

let texts () = List.init 1000 (Printf.sprintf "text %d")

let check () =
  if Lwt_rust.Executor.run kept <> texts () then
    failwith "the value that Rust keeps is another"

let () =
  Lwt_rust.Executor.run (fun () -> keep (texts ()));
  Check.it := check
