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
  let awaiting = Rust.await_portable promise in
  foreign_run (Lwt.pause ());
  Lwt_rust.Promise.resolve promise 8;
  check_int "a promise" 8 (foreign_run awaiting)

let in_a_thread f =
  let result = ref None in
  Thread.join (Thread.create (fun () -> result := Some (f ())) ());
  Option.get !result

let or_fail promise =
  let late =
    Lwt.bind (Lwt_unix.sleep 20.) (fun () ->
        Alcotest.fail "still waiting after 20 seconds")
  in
  Lwt.pick [ late; promise ]

(* Two threads run the loop: one that has not called Rust itself, and another one. *)
let threads_that_run_the_loop () =
  let pausing n = Lwt.map (fun () -> n) (Lwt.pause ()) in
  let called = Rust.sleep 30 7 and sum = Rust.sum pausing 1000 in
  let run promise () = Lwt_main.run (or_fail promise) in
  check_int "tokio" 7 (in_a_thread (run called));
  check_int "closures" 499500 (in_a_thread (run sum));
  let called = Rust.sleep 30 8 in
  check_int "a foreign loop" 8 (in_a_thread (fun () -> foreign_run called))

(* [Lwt.async_exception_hook] raises its exception, which escapes from the loop. *)
let run_until_exit promise =
  let hook = !Lwt.async_exception_hook in
  Lwt.async_exception_hook := raise;
  let finally () = Lwt.async_exception_hook := hook in
  match Fun.protect ~finally (fun () -> Lwt_main.run promise) with
  | _ -> Alcotest.fail "expected the exception"
  | exception Exit -> ()

(* An exception escapes from the loop of this thread in the middle of a turn. Then another
   thread's loop blocks, and this thread makes work for it. *)
let a_turn_that_was_left () =
  Lwt.async (fun () -> Lwt.bind (Lwt.pause ()) (fun () -> raise Exit));
  run_until_exit (Lwt.bind (Rust.yield 3 ()) (fun () -> pauses 3));
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable promise in
  let value = ref 0 in
  let other =
    Thread.create
      (fun () ->
        check_int "called" 1 (Lwt_main.run (or_fail (Rust.yield 1 1)));
        value := Lwt_main.run (or_fail awaiting))
      ()
  in
  Thread.delay 0.2;
  Lwt_rust.Promise.resolve promise 5;
  Thread.join other;
  check_int "value" 5 !value

(* An exception of the first call leaves the completion of the second call to the next
   turn. The next loop runs in another domain. *)
let a_loop_in_another_domain () =
  let here = Domain.self () in
  let first = Rust.yield 1 () and second = Rust.yield 1 () in
  let seen = ref None in
  Lwt.on_success second (fun () -> seen := Some (Domain.self ()));
  Lwt.async (fun () -> Lwt.map (fun () -> raise Exit) first);
  run_until_exit second;
  check_bool "is left" true (!seen = None);
  Domain.join (Domain.spawn (fun () -> Lwt_main.run (pauses 3)));
  check_bool "is left there" true (!seen = None);
  Lwt_main.run (or_fail second);
  check_bool "is seen here" true (!seen = Some here)

(* A domain with an executor of its own runs a loop. Another thread of that domain waits in
   [Executor.run]. *)
let a_loop_beside_an_executor () =
  Lwt_main.run (Rust.yield 1 ());
  let beside () =
    Lwt_rust.Executor.run (fun () -> Rust.Call.yield 1 ());
    let promise = Lwt_rust.Promise.create () in
    let value = ref 0 in
    let wait () =
      value :=
        Lwt_rust.Executor.run (fun () -> Rust.Call.await_portable promise)
    in
    let other = Thread.create wait () in
    Thread.delay 0.2;
    Lwt_main.run (pauses 3);
    Lwt_rust.Promise.resolve promise 5;
    let deadline = Unix.gettimeofday () +. 20. in
    while !value = 0 && Unix.gettimeofday () < deadline do
      Thread.delay 0.01
    done;
    let seen = !value in
    (* This call wakes the other thread, if nothing else has. *)
    in_a_thread (fun () -> ignore (Rust.Call.yield 1 ()));
    Thread.join other;
    seen
  in
  check_int "value" 5 (Domain.join (Domain.spawn beside))

(* If the handler of a notification raises, Lwt drops the notifications after it. *)
let notifications_that_are_lost () =
  let raise_soon () =
    Lwt_unix.send_notification
      (Lwt_unix.make_notification ~once:true (fun () -> raise Exit))
  in
  raise_soon ();
  let called = Rust.yield 3 7 in
  run_until_exit called;
  check_int "this thread's" 7 (Lwt_main.run (or_fail called));
  let sleeping = Rust.sleep 50 'x' in
  Lwt_main.run (pauses 3);
  raise_soon ();
  Unix.sleepf 0.2;
  run_until_exit sleeping;
  check_bool "tokio's" true (Lwt_main.run (or_fail sleeping) = 'x')

(* If the callback of a pause raises, Lwt drops the pauses after it. *)
let a_pause_that_is_lost () =
  let calls = Lwt.all (List.init 2000 (Rust.yield 2)) in
  Lwt.async (fun () -> Lwt.map (fun () -> raise Exit) (pauses 2));
  run_until_exit calls;
  check_int "calls" 2000 (List.length (Lwt_main.run (or_fail calls)))

let a_foreign_loop_takes_over () =
  let called = Rust.yield 3 1 in
  Lwt.async (fun () -> Lwt.map (fun () -> raise Exit) (Lwt.pause ()));
  run_until_exit (pauses 3);
  Lwt_main.run (Lwt.pause ());
  check_int "from before" 1 (foreign_run called);
  check_int "new" 2 (foreign_run (Rust.yield 3 2))

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
          Alcotest.test_case "threads that run the loop" `Quick
            threads_that_run_the_loop;
          Alcotest.test_case "a turn that was left" `Quick a_turn_that_was_left;
          Alcotest.test_case "notifications that are lost" `Quick
            notifications_that_are_lost;
          Alcotest.test_case "a pause that is lost" `Quick a_pause_that_is_lost;
          Alcotest.test_case "a foreign loop takes over" `Quick
            a_foreign_loop_takes_over;
        ]
        @ left_out starts_a_domain
            [
              Alcotest.test_case "a loop in another domain" `Quick
                a_loop_in_another_domain;
              Alcotest.test_case "a loop beside an executor" `Quick
                a_loop_beside_an_executor;
            ] );
    ]
