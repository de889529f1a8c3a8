(* Calls before, between and after runs of the loop, and loops that do not run
   Lwt's hooks. *)

open Support

let run_again () =
  for i = 1 to 50 do
    check_int "value" i (Lwt_main.run (Rust.yield 3 i))
  done

let called_before_the_loop () =
  let calls = List.init 20 (fun i -> Rust.yield i i) in
  let sleeping = Rust.sleep 5 'x' in
  Unix.sleepf 0.02;
  check_bool "values" true (Lwt_main.run (Lwt.all calls) = List.init 20 Fun.id);
  check_bool "slept" true (Lwt_main.run sleeping = 'x')

let pending_work_does_not_hold_the_loop () =
  let pending = Rust.sleep 300 7 in
  Lwt_main.run (Lwt.pause ());
  check_bool "pending" true (is_pending pending);
  check_int "later" 7 (Lwt_main.run pending)

(* A main loop of the kind that another scheduler brings: it drives Lwt's engine
   and paused promises, and runs no hooks. *)
let foreign_run promise =
  let deadline = Unix.gettimeofday () +. 60. in
  let rec go () =
    match Lwt.state promise with
    | Return value -> value
    | Fail exn -> raise exn
    | Sleep ->
        if Unix.gettimeofday () > deadline then
          Alcotest.fail "still waiting after 60 seconds";
        Lwt.wakeup_paused ();
        Lwt_engine.iter (Lwt.paused_count () = 0 && is_pending promise);
        go ()
  in
  go ()

let foreign_loop () =
  check_int "waits" 5 (foreign_run (Rust.yield 40 5));
  check_int "tokio" 6 (foreign_run (Rust.spawn 6));
  check_int "closures" 499500
    (foreign_run
       (Rust.sum (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 1000));
  check_int "closures on tokio" 4950
    (foreign_run
       (Rust.sum_on_tokio (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 100));
  check_int "a burst" 2000
    (List.length (foreign_run (Lwt.all (List.init 2000 (Rust.yield 2)))));
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_promise promise in
  foreign_run (Lwt.pause ());
  Lwt_rust.Promise.resolve promise 8;
  check_int "a promise" 8 (foreign_run awaiting)

let () =
  Alcotest.run "outside_the_loop"
    [
      ( "outside the loop",
        [
          Alcotest.test_case "the loop is run again" `Quick run_again;
          Alcotest.test_case "called before the loop" `Quick
            called_before_the_loop;
          Alcotest.test_case "pending work does not hold the loop" `Quick
            pending_work_does_not_hold_the_loop;
          Alcotest.test_case "a foreign main loop" `Quick foreign_loop;
          Alcotest.test_case "the loop again after a foreign one" `Quick
            run_again;
        ] );
    ]
