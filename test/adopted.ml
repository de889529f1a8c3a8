(* Tasks use a runtime that the Rust code of the program has made. *)

[@@@alert "-lwt_rust_generated"]

external adopt : unit -> unit = "test_adopt" [@@noalloc]

external worker_name : unit -> string Lwt_rust.Executor.call
  = "test_worker_name"

external sleep : int -> 'a -> 'a Lwt_rust.Executor.call = "test_sleep"

let run call = Lwt_main.run (Lwt_rust.Call.promise call)

let adopted () =
  adopt ();
  (match Lwt_rust.Runtime.(configure Current_thread) with
  | () -> Alcotest.fail "expected an exception"
  | exception Lwt_rust.Error { message; _ } ->
      let started = "the tokio runtime has started" in
      Alcotest.(check bool)
        message true
        (String.starts_with ~prefix:started message));
  Alcotest.(check string) "name" "adopted" (run (worker_name ()));
  Alcotest.(check char) "timer" 'x' (run (sleep 5 'x'))

let () =
  Alcotest.run "adopted"
    [ ("runtime", [ Alcotest.test_case "adopted" `Quick adopted ]) ]
