(* A future that is not [Send] stays on the thread that began it. A future that is [Send]
   may move to any thread of its domain. *)

open Support

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

let run promise = Lwt_main.run (or_fail promise)

let is_refused = function
  | Lwt_rust.Error { message; _ } ->
      contains message "is not Send"
      && contains message "call it from the thread that runs the loop"
  | _ -> false

let check_refused name promise = run (expect name promise is_refused)

(* The thread that runs the loop settles Lwt's promises. *)
let opens gate = Lwt.wakeup_later gate ()

(* {1 Calls} *)

let resumed_by_another_thread () =
  let refused name call =
    let gate, opener = Lwt.wait () in
    let called = in_a_thread (fun () -> call gate) in
    check_bool "pending" true (is_pending called);
    opens opener;
    check_refused name called
  in
  refused "a function" Rust.stays;
  refused "a protected one" Rust.stays_protected;
  refused "one that cannot fail" (fun gate -> Rust.stays_with gate (ref 0));
  refused "one that the compiler is in doubt about" Rust.stays_in_doubt;
  refused "an exported one" Rust.stays;
  run (still_works ())

let resumed_by_its_thread () =
  let resumed call =
    let gate, opener = Lwt.wait () in
    let called = call gate in
    opens opener;
    run called
  in
  check_bool "a function" true (resumed Rust.stays);
  check_bool "a protected one" true (resumed Rust.stays_protected);
  let value = ref 0 in
  check_bool "one that cannot fail" true
    (value == resumed (fun gate -> Rust.stays_with gate value));
  check_bool "an exported one" true (resumed Rust.stays);
  check_bool "one that the compiler is in doubt about" true
    (resumed Rust.stays_in_doubt);
  check_int "one whose futures borrow" 6
    (run (Rust.lengths_of [ "one"; "two" ]));
  check_int "one that calls itself" 10 (run (Rust.sum_down 4));
  (* A thread that is not the first to call makes the call and runs the loop. *)
  check_bool "a thread" true (in_a_thread (fun () -> resumed Rust.stays))

let send_futures_move () =
  let gate, opener = Lwt.wait () in
  let called = in_a_thread (fun () -> Rust.moves gate) in
  opens opener;
  check_bool "the same thread" false (run called)

let dropped_by f =
  let before = Rust.dropped () in
  f ();
  Rust.dropped () - before

let cancelled_by_another_thread () =
  let tasks () = (Lwt_rust.Debug.live ()).tasks in
  let cancel call ~is_leaked () =
    let gate, _ = Lwt.task () in
    let before = tasks () in
    let called = in_a_thread (fun () -> call gate) in
    check_int "one more task" (before + 1) (tasks ());
    Lwt.cancel called;
    check_bool "cancelled" true (Lwt.state called = Fail Lwt.Canceled);
    check_int "tasks" before (tasks ());
    run (still_works ());
    check_bool "awaits" is_leaked (is_pending gate)
  in
  check_int "not Send" 0
    (dropped_by (cancel Rust.hold_on_thread ~is_leaked:true));
  check_int "Send" 1 (dropped_by (cancel Rust.hold_anywhere ~is_leaked:false))

let cancelled_by_its_thread () =
  let cancel call () =
    let gate, _ = Lwt.task () in
    Lwt.cancel (call gate)
  in
  check_int "not Send" 1 (dropped_by (cancel Rust.hold_on_thread));
  check_int "Send" 1 (dropped_by (cancel Rust.hold_anywhere))

(* If a thread may not poll a future, it does not drop the future either. *)
let refused_is_not_dropped () =
  let refuse () =
    let gate, opener = Lwt.wait () in
    let called = in_a_thread (fun () -> Rust.hold_on_thread gate) in
    opens opener;
    check_refused "refused" called
  in
  check_int "dropped" 0 (dropped_by refuse)

(* Another thread has dropped a future that is still in a list of tokio's. Its memory must
   not be used for another value. *)
let leaked_with_its_memory () =
  let cancel_one _ = Lwt.cancel (in_a_thread Rust.wait_for_notice) in
  List.iter cancel_one (List.init 20 Fun.id);
  let others = List.init 20 (fun _ -> Rust.wait_for_notice ()) in
  Rust.give_notice ();
  run (Lwt.join others);
  run (still_works ())

(* {1 Tasks} *)

(* The thread that runs the loop first polls the local task. The thread that has called
   polls the future that awaits the task. *)
let local_task_of_another_thread () =
  let promise = Lwt_rust.Promise.create () in
  let called = promise_of (Rust.Call.spawn_and_wait_portable promise) in
  in_a_thread (fun () -> Lwt_main.run (pauses 3));
  Lwt_rust.Promise.resolve promise ();
  check_refused "the task" called

let local_task_of_its_thread () =
  let gate, opener = Lwt.wait () in
  let before = Rust.dropped () in
  let called = Rust.spawn_and_wait gate in
  run (pauses 3);
  opens opener;
  check_bool "on this thread" true (run called);
  check_int "dropped" 1 (Rust.dropped () - before)

(* {1 Other domains} *)

let resumed_by_another_thread_of_a_domain () =
  let domain () =
    Lwt_rust.Executor.run (fun () -> Rust.Call.yield 1 ());
    let raises_refused name f =
      match Lwt_rust.Executor.run f with
      | (_ : bool) -> Alcotest.failf "%s: expected an exception" name
      | exception exn when is_refused exn -> ()
    in
    let begun_elsewhere call =
      let promise = Lwt_rust.Promise.create () in
      let called = in_a_thread (fun () -> call promise) in
      Lwt_rust.Promise.resolve promise ();
      called
    in
    let stays = begun_elsewhere Rust.Call.stays_portable in
    raises_refused "not Send" (fun () -> stays);
    let moves = begun_elsewhere Rust.Call.moves_portable in
    check_bool "the same thread" false (Lwt_rust.Executor.run (fun () -> moves));
    let promise = Lwt_rust.Promise.create () in
    let stays = Rust.Call.stays_portable promise in
    Lwt_rust.Promise.resolve promise ();
    check_bool "its thread" true (Lwt_rust.Executor.run (fun () -> stays));
    (* At the end of the domain, its first thread drops the tasks that are left. *)
    let left = Lwt_rust.Promise.create () in
    in_a_thread (fun () ->
        ignore (Rust.Call.hold_portable left : unit Lwt_rust.Executor.call))
  in
  check_int "dropped" 0
    (dropped_by (fun () -> Domain.join (Domain.spawn domain)));
  run (still_works ())

(* {1 Threads that end} *)

(* A thread has kept the executor. Its thread-locals are dropped without the lock of the
   domain, and use the executor, while the domain goes on. *)
let spawned_when_a_thread_ends () =
  let threads = 8 in
  let in_lwt () =
    let rec go n =
      if n = 0 then Lwt.return_unit
      else Lwt.bind (Rust.spin 4 20) (fun () -> go (n - 1))
    in
    run (go 100)
  in
  let begin_one _ =
    Thread.create (fun () -> ignore (Rust.spawn_at_end () : unit Lwt.t)) ()
  in
  let all = List.init threads begin_one in
  in_lwt ();
  List.iter Thread.join all;
  (* [Thread.join] returns before the destructors of the thread have run. *)
  let deadline = Unix.gettimeofday () +. 20. in
  let rec wait () =
    let abandoned, other, pending = Rust.spawned_at_end () in
    if abandoned + other + pending < threads * 1000 then
      if Unix.gettimeofday () > deadline then
        Alcotest.fail "the destructors did not run"
      else (
        in_lwt ();
        wait ())
    else
      Alcotest.(check (triple int int int))
        "abandoned, other, pending"
        (threads * 1000, 0, 0)
        (abandoned, other, pending)
  in
  wait ();
  run (still_works ())

let () =
  let case name f = Alcotest.test_case name `Quick f in
  Support.run "bound"
    ~left_out:
      [ (Memcheck, "it leaks the futures of other threads, as it has to") ]
    [
      ( "calls",
        [
          case "resumed by its thread" resumed_by_its_thread;
          case "resumed by another thread" resumed_by_another_thread;
          case "futures that are Send go to another thread" send_futures_move;
          case "cancelled by its thread" cancelled_by_its_thread;
          case "cancelled by another thread" cancelled_by_another_thread;
          case "refused, and not dropped" refused_is_not_dropped;
          case "leaked with its memory" leaked_with_its_memory;
        ] );
      ( "tasks",
        [
          case "a local task of its thread" local_task_of_its_thread;
          case "a local task of another thread" local_task_of_another_thread;
          case "spawned when a thread ends" spawned_when_a_thread_ends;
        ] );
      ( "other domains",
        [ case "threads of a domain" resumed_by_another_thread_of_a_domain ] );
    ]
