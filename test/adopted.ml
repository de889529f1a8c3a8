(* Tasks use a runtime that the Rust code of the program has made. *)

let adopted () =
  Rust.adopt ();
  (match Lwt_rust.Runtime.(configure Current_thread) with
  | () -> Alcotest.fail "expected an exception"
  | exception Lwt_rust.Error { message; _ } ->
      let started = "the tokio runtime has started" in
      Alcotest.(check bool)
        message true
        (String.starts_with ~prefix:started message));
  Alcotest.(check string) "name" "adopted" (Lwt_main.run (Rust.worker_name ()));
  Alcotest.(check char) "timer" 'x' (Lwt_main.run (Rust.sleep 5 'x'))

let () =
  Alcotest.run "adopted"
    [ ("runtime", [ Alcotest.test_case "adopted" `Quick adopted ]) ]
