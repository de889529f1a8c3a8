(* Tasks that Rust spawns: they go on while OCaml code runs below one of them, as those of
   calls do. They end with their domain, and their panics stay theirs. *)

open Lwt.Syntax
open Support

let or_fail promise =
  let late =
    let* () = Lwt_unix.sleep 20. in
    Alcotest.fail "still waiting after 20 seconds"
  in
  Lwt.pick [ late; promise ]

let later n () = Lwt.map (fun () -> n) (Lwt.pause ())
let sleep ?(time = 0.001) n = Rust.sleep_in_a_task time (later n)

(* A main loop that runs no hooks. *)
let run_by_hand promise =
  let deadline = Unix.gettimeofday () +. 20. in
  while is_pending promise do
    if Unix.gettimeofday () > deadline then
      Alcotest.fail "still waiting after 20 seconds";
    Lwt_engine.iter false;
    Lwt.wakeup_paused ()
  done;
  Lwt_main.run promise

(* {1 A loop in a closure that a task calls} *)

(* The other task is spawned by the inner loop. *)
let spawned_within () =
  let closure () = run_by_hand (sleep 7) in
  check_int "value" 7 (run_by_hand (Rust.call_in_a_task closure))

(* The other task waits already, and is woken by another thread. *)
let spawned_before () =
  let others = List.init 20 (fun n -> sleep ~time:0.01 n) in
  let closure () = List.fold_left ( + ) 0 (run_by_hand (Lwt.all others)) in
  check_int "sum" 190 (run_by_hand (Rust.call_in_a_task closure))

(* The same, without a spawned task. *)
let in_a_call () =
  let other = Rust.sleep_and_return 0.01 8 in
  let closure () =
    run_by_hand other + run_by_hand (Rust.sleep_and_return 0.01 7)
  in
  check_int "value" 15 (run_by_hand (Rust.call_in_a_poll closure))

(* The inner loop waits for what was to be done when the function next waits: a call of a Lwt
   closure, and a task that was woken. *)
let left_to_later is_polled () =
  let other = Rust.wait_for_notice_of_call () in
  let called, call = Lwt.wait () in
  let first () =
    Lwt.wakeup call ();
    Lwt.return 1
  in
  let second () =
    run_by_hand called;
    run_by_hand other;
    2
  in
  check_int "value" 3
    (run_by_hand (Rust.notify_and_call is_polled first second))

let from_elsewhere () =
  let closure () = run_by_hand (Rust.spawn_from_elsewhere 7) in
  check_int "value" 7 (run_by_hand (Rust.call_in_a_task closure))

(* Each of the tasks calls a closure in which the next one has to end. *)
let several_deep () =
  let rec deep n () =
    if n = 0 then run_by_hand (sleep 1)
    else
      let other = sleep 1 in
      let inner = run_by_hand (Rust.call_in_a_task (deep (n - 1))) in
      inner + run_by_hand other
  in
  check_int "sum" 6 (deep 5 ());
  check_int "afterwards" 3 (run_by_hand (sleep 3))

(* The destructor of a cancelled task calls the closure. *)
let in_a_destructor () =
  let value = ref 0 in
  let closure () =
    value := run_by_hand (sleep 7);
    0
  in
  run_by_hand (Rust.call_when_cancelled closure);
  check_int "value" 7 (run_by_hand (Lwt.map (fun () -> !value) (pauses 5)))

(* A thread runs the loop, and comes to the closure. This thread runs the loop then. *)
let a_thread_in_a_closure () =
  let mutex = Mutex.create () in
  let is_there = Atomic.make false in
  let closure () =
    Atomic.set is_there true;
    Mutex.protect mutex (fun () -> 5)
  in
  let call = ref (Lwt.return 0) in
  let job () =
    call := Rust.call_in_a_task closure;
    while not (Atomic.get is_there) do
      Lwt_engine.iter false;
      Lwt.wakeup_paused ()
    done
  in
  let others () =
    let* () = Lwt.join (List.init 100 (fun n -> Lwt.map ignore (sleep n))) in
    Rust.spawn_from_elsewhere 7
  in
  let thread =
    Mutex.protect mutex (fun () ->
        let thread = Thread.create job () in
        while not (Atomic.get is_there) do
          Thread.delay 0.001
        done;
        check_int "others" 7 (Lwt_main.run (or_fail (others ())));
        thread)
  in
  Thread.join thread;
  check_int "its call" 5 (Lwt_main.run (or_fail !call))

(* {1 Wake-ups} *)

(* The task goes on in the callback of the promise that it awaits, as a call does. *)
let at_once () =
  let calls = ref 0 in
  let waiting = ref None in
  let closure _ =
    incr calls;
    let promise, resolver = Lwt.wait () in
    waiting := Some resolver;
    promise
  in
  let wake () = Lwt.wakeup (Option.get !waiting) () in
  let* () = Rust.call_in_the_background closure 4 in
  let* () = pauses 3 in
  check_int "calls" 1 !calls;
  wake ();
  check_int "calls" 2 !calls;
  wake ();
  check_int "calls" 3 !calls;
  wake ();
  check_int "calls" 4 !calls;
  wake ();
  Lwt.return_unit

let one_another () =
  let* order = Rust.play 1_000 in
  Alcotest.(check (list int)) "order" [ 1; 2 ] order;
  Lwt.return_unit

let from_a_thread () =
  Lwt.map (check_int "value" 7) (Rust.await_from_a_thread 7)

(* {1 Where tasks are spawned} *)

let from_a_plain_function is_local () =
  let told, tell = Lwt.wait () in
  Rust.spawn_and_return is_local "x" (Lwt.wakeup tell);
  check_bool "told" true (is_pending told);
  Lwt.map (check_string "text" "x") told

let from_tokio () =
  Lwt.map (check_int "value" 7) (Rust.spawn_from_tokio (fun () -> 7))

let wrongly on_tokio () =
  let+ result = result (Rust.spawn_local_wrongly on_tokio) in
  match result with
  | Error (Lwt_rust.Error { message; _ }) ->
      let place = if on_tokio then "on a thread that" else "within with_lock" in
      let prefix = "a local task was spawned " ^ place in
      check_bool message true (String.starts_with ~prefix message)
  | Error exn -> raise exn
  | Ok () -> Alcotest.fail "a local task was spawned"

let all_kinds () =
  let+ all = Rust.await_all_kinds 1 in
  Alcotest.(check (list int)) "results" [ 1; 2; 3; 4 ] all

(* {1 Ends} *)

let results_that_panic () =
  let* () = Rust.drop_results_that_panic () in
  let* () = pauses 5 in
  Lwt.map (check_int "others" 7) (sleep 7)

(* Other threads wake the tasks while their domain closes its executor. *)
let wakers_race_with_the_end () =
  for _ = 1 to 100 do
    let domain () =
      Lwt_rust.Executor.run (fun () -> Rust.Call.leave_to_wakers 20)
    in
    Domain.join (Domain.spawn domain)
  done;
  check_int "left" 0 (Rust.left ())

let () =
  let plain name f = Alcotest.test_case name `Quick f in
  Alcotest.run "spawned"
    [
      ( "a loop in a closure",
        [
          plain "spawned within" spawned_within;
          plain "spawned before" spawned_before;
          plain "in a call" in_a_call;
          plain "left to later, in the first poll" (left_to_later false);
          plain "left to later, in another poll" (left_to_later true);
          plain "spawned from elsewhere" from_elsewhere;
          plain "several deep" several_deep;
          plain "in a destructor" in_a_destructor;
          plain "a thread in a closure" a_thread_in_a_closure;
        ] );
      ( "wake-ups",
        [
          case "at once" at_once;
          case "one another" one_another;
          case "from a thread" from_a_thread;
        ] );
      ( "where tasks are spawned",
        [
          case "from a plain function" (from_a_plain_function false);
          case "locally, from a plain function" (from_a_plain_function true);
          case "from tokio" from_tokio;
          case "locally, on tokio" (wrongly true);
          case "locally, with the lock taken" (wrongly false);
          case "all kinds" all_kinds;
        ] );
      ( "ends",
        case "results that panic" results_that_panic
        :: left_out starts_a_domain
             [ plain "wakers race with the end" wakers_race_with_the_end ] );
    ]
