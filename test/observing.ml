(* What a program can see of the runtime. *)

open Lwt.Syntax
open Support
module R = Lwt_rust.Runtime
module O = Rust.Observed

(* The second one, in milliseconds, is longer than the limit. Under some checks, other polls take
   long, too. *)
let limit, long = if patience > 60. then (1., 2_000) else (0.02, 40)

(* [reported ~limit body] is the reports of the long polls of [body], the last one first. *)
let reported ?(limit = limit) body =
  let reports = ref [] in
  R.on_long_poll ~limit (Some (fun report -> reports := report :: !reports));
  let* () = body () in
  (* A report comes a little later. *)
  let rec wait patience =
    if !reports <> [] || patience = 0 then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      wait (patience - 1)
  in
  let+ () = wait 100 in
  R.on_long_poll None;
  !reports

let is_reported ~name body () =
  let* reports = reported body in
  match reports with
  | [ report ] ->
      check_string "name" name report.name;
      check_bool "time" true (report.seconds >= float long /. 1000.);
      Lwt.return_unit
  | reports -> Alcotest.failf "%d reports" (List.length reports)

let spawned () =
  O.spawn_holding long;
  pauses 3

let elsewhere () =
  let domain =
    Domain.spawn (fun () ->
        Lwt_rust.Executor.run (fun () -> O.Call.hold_later long))
  in
  Lwt.return (Domain.join domain)

let callback () =
  Lwt.map ignore
    (Rust.call_plain_later
       (fun n ->
         Unix.sleepf (float long /. 1000.);
         n)
       1)

let after_panics () =
  let* _ = result (Rust.panic true) in
  let* _ = result (Rust.fail false) in
  O.hold_in_function long;
  Lwt.return_unit

let nothing_is_reported () =
  let* before = reported ~limit:60. (fun () -> O.hold_later long) in
  check_int "below the limit" 0 (List.length before);
  let* on_a_thread = reported ~limit:0.5 (fun () -> O.hold_a_thread 1_000) in
  check_int "on a thread" 0 (List.length on_a_thread);
  let+ () = O.hold_later long in
  check_bool "no handler" true ((R.metrics ()).longest_poll = None)

let the_longest () =
  let seen = ref (Some 0.) in
  let body () =
    let* () = O.hold_later long in
    seen := (R.metrics ()).longest_poll;
    Lwt.return_unit
  in
  let+ _ = reported ~limit:60. body in
  match !seen with
  | Some seconds -> check_bool "seconds" true (seconds >= float long /. 1000.)
  | None -> Alcotest.fail "no longest poll"

let many_reports () =
  let+ reports =
    reported ~limit:0. (fun () ->
        for _ = 1 to 100 do
          O.hold_in_function 0
        done;
        Lwt.return_unit)
  in
  check_int "reports" 64 (List.length reports)

let a_handler_that_raises () =
  let raised = ref 0 in
  let hook = !Lwt.async_exception_hook in
  (Lwt.async_exception_hook := fun _ -> incr raised);
  R.on_long_poll ~limit (Some (fun _ -> failwith "handler"));
  let* () = O.hold_later long in
  let* () = pauses 5 in
  R.on_long_poll None;
  Lwt.async_exception_hook := hook;
  check_int "raised" 1 !raised;
  still_works ()

let wrong_limits () =
  let refused limit =
    match R.on_long_poll ~limit (Some ignore) with
    | () -> Alcotest.failf "%f is a limit" limit
    | exception Invalid_argument _ -> ()
  in
  List.iter refused [ -1.; Float.nan; Float.infinity ];
  Lwt.return_unit

let calls () =
  let before = R.metrics () in
  let* () = O.hold_at_first 0 in
  let ready = R.metrics () in
  check_int "calls" 1 (ready.calls - before.calls);
  check_int "polls" 1 (ready.polls - before.polls);
  check_int "pending" before.calls_pending ready.calls_pending;
  let waiting = Rust.for_ever () in
  let pending = R.metrics () in
  check_int "one more call" 1 (pending.calls - ready.calls);
  check_int "one is pending" 1 (pending.calls_pending - ready.calls_pending);
  check_int "it was polled twice" 2 (pending.polls - ready.polls);
  Lwt.cancel waiting;
  check_int "none is pending" before.calls_pending (R.metrics ()).calls_pending;
  let start = R.metrics () in
  let* () = pauses 5 in
  let turns = (R.metrics ()).turns - start.turns in
  check_bool "turns" true (turns >= 4 && turns <= 6);
  (* A timer wakes the loop from another thread, unless it fires while the executor is being
     polled. *)
  let before = R.metrics () in
  let rec until_more patience =
    if (R.metrics ()).notifications > before.notifications then Lwt.return_unit
    else if patience = 0 then Alcotest.fail "no notification"
    else
      let* () = Rust.sleep 1 () in
      until_more (patience - 1)
  in
  until_more 1_000

let tokio () =
  let* () = Rust.sleep 1 () in
  let before = R.metrics () in
  check_bool "workers" true (before.workers >= 1);
  let* () = O.leave_on_tokio () in
  let after = R.metrics () in
  check_int "tasks" 1 (after.tokio_tasks - before.tokio_tasks);
  let running = List.init 3 (fun _ -> O.hold_a_thread 200) in
  let rec wait patience =
    let metrics = R.metrics () in
    if metrics.blocking_running = 3 && metrics.blocking_waiting = 0 then
      Lwt.return_unit
    else if patience = 0 then
      Alcotest.failf "%d functions run, %d wait" metrics.blocking_running
        metrics.blocking_waiting
    else
      let* () = Lwt_unix.sleep 0.001 in
      wait (patience - 1)
  in
  let* () = wait 150 in
  let* () = Lwt.join running in
  let rec wait_for_end patience =
    if (R.metrics ()).blocking_running = 0 || patience = 0 then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      wait_for_end (patience - 1)
  in
  let+ () = wait_for_end 1_000 in
  check_int "none runs" 0 (R.metrics ()).blocking_running

let before_the_first_call () =
  let { R.workers; tokio_tasks; calls; polls; notifications; _ } =
    R.metrics ()
  in
  Alcotest.(check (list int))
    "metrics" [ 0; 0; 0; 0; 0 ]
    [ workers; tokio_tasks; calls; polls; notifications ]

let now f () = Lwt.return (f ())

let () =
  Alcotest.run "observing"
    [
      ( "metrics",
        [
          Alcotest.test_case "before the first call" `Quick
            before_the_first_call;
          case "calls and polls" calls;
          case "tokio and its threads" tokio;
        ] );
      ( "long polls",
        [
          case "a plain function"
            (is_reported ~name:"lwt_rust_testing::observed::hold_in_function"
               (now (fun () -> O.hold_in_function long)));
          case "the first poll"
            (is_reported ~name:"lwt_rust_testing::observed::hold_at_first"
               (fun () -> O.hold_at_first long));
          case "a later poll"
            (is_reported ~name:"lwt_rust_testing::observed::hold_later"
               (fun () -> O.hold_later long));
          case "a task"
            (is_reported ~name:"lwt_rust_testing::observed::spawn_holding"
               spawned);
          case "a closure"
            (is_reported ~name:"lwt_rust_testing::closures::call_plain_later"
               callback);
          case "after panics"
            (is_reported ~name:"lwt_rust_testing::observed::hold_in_function"
               after_panics);
          case "another domain"
            (is_reported ~name:"lwt_rust_testing::observed::hold_later"
               elsewhere);
          case "nothing is reported" nothing_is_reported;
          case "the longest" the_longest;
          case "many reports" many_reports;
          case "a handler that raises" a_handler_that_raises;
          case "wrong limits" wrong_limits;
        ] );
    ]
