(* Tasks, closures and signals run on the right threads. *)

open Lwt.Syntax
open Support

let sigint = 2 (* on Linux and macOS *)

let workers_take_signals () =
  let* worker, blocking = Rust.signals_blocked sigint in
  check_bool "worker" false worker;
  check_bool "blocking pool" false blocking;
  let+ here = Rust.signal_blocked_here sigint in
  check_bool "the domain" false here

let workers_have_their_name () =
  let+ name = Rust.worker_name () in
  check_string "name" "lwt_rust" name

let lock_is_lent_once_and_only_in_the_domain () =
  let+ once, twice, worker = Rust.lock () in
  check_bool "once" true once;
  check_bool "twice" false twice;
  check_bool "worker" false worker

let configured_too_late () =
  let* () = Rust.yield 1 () in
  (match Lwt_rust.Runtime.(configure Current_thread) with
  | () -> Alcotest.fail "expected an exception"
  | exception Lwt_rust.Error { message; _ } ->
      check_bool message true
        (String.starts_with ~prefix:"the tokio runtime has started" message));
  Lwt.return_unit

let systhread_of_the_domain_resolves () =
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable promise in
  let* () = Lwt.pause () in
  (* The thread resolves the promise while the loop sleeps, and must wake the loop. *)
  let thread =
    Thread.create
      (fun () ->
        Thread.delay 0.05;
        Lwt_rust.Promise.resolve promise 5)
      ()
  in
  let+ n = awaiting in
  Thread.join thread;
  check_int "value" 5 n

(* The closure runs in another thread while the loop sleeps, and what it waits for is of the
   loop. *)
let closure_in_a_thread wait () =
  let over, resolver = Lwt.wait () in
  let tell () =
    Lwt_preemptive.run_in_main_dont_wait
      (fun () -> Lwt.return (Lwt.wakeup resolver ()))
      raise
  in
  let closure n =
    Lwt.map
      (fun () ->
        tell ();
        n + 1)
      (wait ())
  in
  let call = ref (Lwt.return 0) in
  let job () =
    Thread.delay 0.05;
    call := Rust.call closure 1
  in
  let start = Unix.gettimeofday () in
  let thread = Thread.create job () in
  let* () = over in
  Thread.join thread;
  (* Libev sleeps for a minute at most. *)
  check_bool "the loop was woken" true (Unix.gettimeofday () -. start < 30.);
  Lwt.map (check_int "result" 2) !call

let systhread_of_the_domain_cancels () =
  let promise = Rust.for_ever () in
  Thread.join (Thread.create Lwt.cancel promise);
  let* () = pauses 3 in
  let+ live = Rust.live () in
  check_int "futures" 0 live

let finaliser_wakes_a_blocked_loop () =
  (* A finaliser wakes the task, outside of our stubs, perhaps just before the loop
     blocks. *)
  let rec again n =
    if n = 0 then Lwt.return_unit
    else
      let awaiting = Rust.await_portable (Lwt_rust.Promise.create ()) in
      let collect =
        Lwt.bind (Lwt_unix.sleep 0.) (fun () ->
            Gc.full_major ();
            Lwt.return_unit)
      in
      let* result = result awaiting in
      let* () = collect in
      check_bool "abandoned" true (result = Error Lwt_rust.Abandoned);
      again (n - 1)
  in
  again 100

(* A Rust function enters the context of another runtime, and calls OCaml. OCaml calls a
   function that needs tokio's timer. This happens on a thread that has not called Rust
   before, and on one that has. *)
let within_another_runtime () =
  let begin_within () =
    let begun = ref [] in
    let begin_one () = begun := Rust.sleep 1 7 :: !begun in
    Rust.call_in_other_runtime begin_one;
    begin_one ();
    !begun
  in
  let elsewhere = ref [] in
  Thread.join (Thread.create (fun () -> elsewhere := begin_within ()) ());
  let+ all = Lwt.all (begin_within () @ !elsewhere) in
  Alcotest.(check (list int)) "what they give" [ 7; 7; 7; 7 ] all

let () =
  Alcotest.run "threads"
    [
      ( "tokio's threads",
        [
          case "take signals while they run" workers_take_signals;
          case "have their name" workers_have_their_name;
          case "cannot be configured any more" configured_too_late;
        ] );
      ( "the domain's threads",
        [
          case "the lock is lent once and only in the domain"
            lock_is_lent_once_and_only_in_the_domain;
          case "a systhread of the domain resolves"
            systhread_of_the_domain_resolves;
          case "a closure pauses in another thread"
            (closure_in_a_thread Lwt.pause);
          case "a closure sleeps in another thread"
            (closure_in_a_thread (fun () -> Lwt_unix.sleep 0.01));
          case "a closure calls Rust in another thread"
            (closure_in_a_thread (Rust.sleep 1));
          case "a systhread of the domain cancels"
            systhread_of_the_domain_cancels;
          case "a finaliser wakes a blocked loop" finaliser_wakes_a_blocked_loop;
          case "within the context of another runtime" within_another_runtime;
        ] );
    ]
