let texts () = List.init 1000 (Printf.sprintf "text %d")

let check () =
  if Lwt_rust.Executor.run Rust.Call.kept_root <> texts () then
    failwith "the value that Rust keeps is another"

let () =
  Lwt_rust.Executor.run (fun () -> Rust.Call.keep_root (Obj.repr (texts ())));
  Check.it := check
