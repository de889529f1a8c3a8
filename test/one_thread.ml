(* The runtime with one thread, configured before it starts. *)

let refused flavor thread_name expected () =
  match Lwt_rust.Runtime.configure ~thread_name flavor with
  | () -> Alcotest.fail "expected an exception"
  | exception Lwt_rust.Error { message; _ } ->
      Alcotest.(check string) "message" expected message

let bad_settings () =
  let workers n = Lwt_rust.Runtime.Multi_thread { workers = Some n } in
  let out_of_range n =
    Printf.sprintf "%d worker threads: there must be between 1 and 1024" n
  in
  refused (workers 0) "x" (out_of_range 0) ();
  refused (workers 100_000) "x" (out_of_range 100_000) ();
  refused (workers (-1)) "x" (out_of_range (-1)) ();
  refused Current_thread "a\000b"
    "the name of a thread cannot contain a NUL byte" ()

let threads () =
  let count = ref 0 in
  Array.iter
    (fun task ->
      let file = "/proc/self/task/" ^ task ^ "/comm" in
      if In_channel.with_open_text file In_channel.input_line = Some "one" then
        incr count)
    (Sys.readdir "/proc/self/task");
  !count

let one_thread () =
  Lwt_rust.Runtime.(configure ~thread_name:"one" Current_thread);
  Alcotest.(check string) "name" "one" (Lwt_main.run (Rust.worker_name ()));
  Alcotest.(check char) "timer" 'x' (Lwt_main.run (Rust.sleep 5 'x'));
  if Sys.file_exists "/proc/self/task" then
    Alcotest.(check int) "threads" 1 (threads ())

let () =
  Alcotest.run "one_thread"
    [
      ( "runtime",
        [
          Alcotest.test_case "bad settings" `Quick bad_settings;
          Alcotest.test_case "one thread" `Quick one_thread;
        ] );
    ]
