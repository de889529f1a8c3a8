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

(* {1 Beside the loop} *)

(* A thread beside the one of the loop makes a call. Only closures that it has given to that
   call run in it. Everything else that touches Lwt runs in the thread of the loop. *)

let loop_thread = Thread.id (Thread.self ())

(* [noting log x] is [x]. It notes whether this is the thread of the loop. *)
let noting log x =
  log := (Thread.id (Thread.self ()) = loop_thread) :: !log;
  x

let check_by_the_loop log =
  Alcotest.(check (list bool)) "by the loop" [ true ] !log

(* [in_a_thread f] is the result of [f] in another thread. The loop goes on meanwhile. *)
let in_a_thread f =
  let result = ref None in
  let thread = Thread.create (fun () -> result := Some (f ())) () in
  let rec wait () =
    match !result with
    | Some result ->
        Thread.join thread;
        Lwt.return result
    | None -> Lwt.bind (Lwt_unix.sleep 0.001) wait
  in
  wait ()

let unless_in_the_loop f =
  if Thread.id (Thread.self ()) <> loop_thread then f ()

let task_that_a_thread_wakes () =
  let log = ref [] in
  let called, resolver = Lwt.wait () in
  let task =
    Rust.call_with_numbers (fun _ ->
        Lwt.wakeup_later resolver ();
        Lwt.return (noting log ()))
  in
  let* call = in_a_thread (fun () -> Rust.number_and_call 1 Lwt.return) in
  let* () = call in
  let* () = called in
  Rust.end_numbers ();
  let+ () = task in
  check_by_the_loop log

(* The call of the loop awaits a promise that the thread resolves. *)
let call_that_a_thread_resolves () =
  let calls = ref [] and continuations = ref [] in
  let waits = Rust.call_with_shared (fun n -> Lwt.return (noting calls n)) in
  let waits = Lwt.map (noting continuations) waits in
  let slow () =
    unless_in_the_loop (fun () -> Thread.delay 0.05);
    Lwt.return 5
  in
  let* call = in_a_thread (fun () -> Rust.share slow) in
  let* () = call in
  let+ number = waits in
  check_int "number" 5 number;
  check_by_the_loop calls;
  check_by_the_loop continuations

let closure_of_another_call () =
  let log = ref [] in
  Rust.keep_lwt (fun n -> Lwt.return (noting log n));
  let* call = in_a_thread (fun () -> Rust.call_kept 5) in
  let+ number = call in
  check_int "number" 5 number;
  check_by_the_loop log

let promise_that_a_thread_drops () =
  let log = ref [] in
  let promise, _ = Lwt.task () in
  let cancelled, resolver = Lwt.wait () in
  Lwt.on_cancel promise (fun () -> Lwt.wakeup_later resolver (noting log ()));
  Rust.keep_promise promise;
  let* call = in_a_thread Rust.drop_kept_promise in
  let* () = call in
  let+ () = cancelled in
  check_by_the_loop log

(* A plain closure that the loop has given blocks in the thread. *)
let plain_closure_in_a_thread () =
  let key = Lwt.new_key () in
  let has_begun = Semaphore.Binary.make false in
  let may_end = Semaphore.Binary.make false in
  let closure n =
    Semaphore.Binary.release has_begun;
    Semaphore.Binary.acquire may_end;
    n
  in
  Lwt.with_value key (Some 1) (fun () -> Rust.keep_plain closure);
  let applied = ref 0 in
  let thread = Thread.create (fun () -> applied := Rust.apply_kept 5) () in
  Semaphore.Binary.acquire has_begun;
  let log = ref [] in
  let deferred, resolver = Lwt.wait () in
  let noted = Lwt.map (noting log) deferred in
  Lwt.wakeup_later resolver ();
  let value = Lwt.get key in
  Semaphore.Binary.release may_end;
  Thread.join thread;
  let+ () = noted in
  check_by_the_loop log;
  Alcotest.(check (option int)) "the loop's value" None value;
  check_int "number" 5 !applied

(* [pausing_at n f] is [f ()], with a pause at its [n]th allocation. Returns whether there
   were so many. *)
let pausing_at n f =
  let me = Thread.self () in
  let pause () = if Thread.self () == me then Thread.delay 0.002 in
  interrupted n pause f

(* A closure of the thread returns a promise that the loop resolves, at any moment. *)
let promise_of_the_loop call () =
  let rec go n =
    let promise, resolver = Lwt.wait () in
    let result = ref (Lwt.return 0) in
    let were_so_many = ref false in
    let job () =
      were_so_many := pausing_at n (fun () -> result := call promise)
    in
    let thread = Thread.create job () in
    Thread.delay 0.001;
    Lwt.wakeup resolver 5;
    Thread.join thread;
    let* number = !result in
    check_int "number" 5 number;
    if !were_so_many then go (n + 1) else Lwt.return_unit
  in
  let* () = Rust.yield 1 () in
  if has_memprof () then go 0 else Lwt.return_unit

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
      ( "beside the loop",
        [
          case "a task that a thread wakes" task_that_a_thread_wakes;
          case "a call that a thread resolves" call_that_a_thread_resolves;
          case "a closure of another call" closure_of_another_call;
          case "a promise that a thread drops" promise_that_a_thread_drops;
          case "a plain closure in a thread" plain_closure_in_a_thread;
          case "a closure that returns a promise of the loop's"
            (promise_of_the_loop (fun promise ->
                 Rust.call (fun () -> promise) ()));
          case "a promise of the loop's" (promise_of_the_loop Rust.await);
        ] );
    ]
