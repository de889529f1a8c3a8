(* Everything at once, for a time: stress.exe [SECONDS]

   Tokio's threads and four domains work beside the Lwt loop, with collections,
   cancellations, panics, signals, threads, loops within loops, effects, streams, sinks and
   channels. At the end nothing may be left. *)

open Lwt.Syntax
open Support
open Inside

let fibres = 32
let domains = 4

let panics promise =
  let+ result = result promise in
  match result with
  | Error (Lwt_rust.Panic _) -> ()
  | Error exn -> raise exn
  | Ok () -> raise (Wrong "a panic")

let fails promise =
  let+ result = result promise in
  match result with
  | Error
      ( Lwt_rust.Error { backtrace = Some _; _ }
      | Lwt_rust.Panic { backtrace = Some _; _ } ) ->
      ()
  | Error exn -> raise exn
  | Ok () -> raise (Wrong "a failure with a backtrace")

(* Cancels [promise] after a random number of turns. *)
let cancelled promise =
  let* () = pauses (Random.int 4) in
  Lwt.cancel promise;
  let+ result = result promise in
  match result with Ok _ | Error Lwt.Canceled -> () | Error exn -> raise exn

(* {1 Signals}

   Rust waits for one signal, and OCaml has a handler for another one. There are no more,
   since the stack that OCaml has for handlers has room for two. *)

let of_rust = Sys.sigusr1
let of_ocaml = Sys.sigusr2
let number_of_rust's = 10 (* on Linux *)
let handled = Atomic.make 0
let send signal = Unix.kill (Unix.getpid ()) signal

let send_from_somewhere signal =
  if Random.bool () then Lwt.return (send signal)
  else Lwt_preemptive.detach send signal

let signal_for_rust () =
  let waiting = Rust.next_signal number_of_rust's in
  let* () = send_from_somewhere of_rust in
  waiting

let signal_for_ocaml () =
  let before = Atomic.get handled in
  let* () = send_from_somewhere of_ocaml in
  let rec wait () =
    if Atomic.get handled > before then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      wait ()
  in
  wait ()

let begin_signals () =
  Sys.set_signal of_ocaml (Signal_handle (fun _ -> Atomic.incr handled));
  signal_for_rust ()

(* {1 Operations} *)

let a_task n =
  let time = Random.float 0.001 in
  Rust.sleep_in_a_task time (fun () -> pausing n)

let plain () =
  match Random.int 24 with
  | 0 -> Lwt.map (fun n -> check "yield" (n = 1)) (Rust.yield 3 1)
  | 1 -> Lwt.map (fun n -> check "spawn" (n = 2)) (Rust.spawn 2)
  | 2 -> Lwt.map (fun n -> check "sum" (n = 45)) (Rust.sum pausing 10)
  | 3 ->
      Lwt.map (fun n -> check "tokio" (n = 45)) (Rust.sum_on_tokio pausing 10)
  | 4 -> Lwt.map (fun n -> check "storm" (n = 4950)) (Rust.storm 100)
  | 5 ->
      Lwt.map (fun n -> check "tasks" (n = 45)) (Rust.sum_of_tasks pausing 10)
  | 6 -> panics (Rust.unwind (Random.bool ()))
  | 7 -> cancelled (Rust.for_ever ())
  | 8 -> cancelled (Rust.sum_on_tokio pausing 20)
  | 9 -> cancelled (Rust.scoped ())
  | 10 -> cancelled (Rust.await (fst (Lwt.task ())))
  | 11 ->
      Lwt.map (fun n -> check "sleep" (n = 1)) (Rust.sleep_and_return 0.001 1)
  | 12 ->
      let promise = Lwt_rust.Promise.create () in
      let awaiting = Rust.await_portable promise in
      let* () = Lwt.pause () in
      Lwt_rust.Promise.resolve promise "x";
      Lwt.map (fun s -> check "promise" (s = "x")) awaiting
  | 13 -> fails (Rust.fail (Random.bool ()))
  | 14 -> fails (Rust.panic (Random.bool ()))
  | 15 -> signal_for_rust ()
  | 16 -> signal_for_ocaml ()
  | 17 ->
      let elsewhere = Rust.spawn_from_elsewhere 5 in
      Lwt.map (fun n -> check "from elsewhere" (n = 5)) elsewhere
  | 18 -> Rust.sleep (Random.int 3) ()
  | _ -> Flows.flow ()

(* Calls and tasks that stay on the thread that has begun them. *)
let local () =
  match Random.int 4 with
  | 0 -> Lwt.map (fun n -> check "a task" (n = 4)) (a_task 4)
  | 1 -> cancelled (a_task 4)
  | 2 -> Lwt.map (fun n -> check "herd" (n = 500)) (Rust.herd 500)
  | _ ->
      let order = Rust.play 20 in
      Lwt.map (fun order -> check "order" (order = [ 1; 2 ])) order

let around_closures = [ a_fiber_around; a_fiber_within ]

(* Operations that only the thread of the loop runs. Lwt has one value of each key for all
   threads, so only one thread may look at it. Only that thread has a handler for
   [Outside]. And a thread that calls Rust may run a task that the loop has made runnable,
   but a local task stays on its thread. *)
let alone = a_value :: local :: around_closures
let alone_in_a_fiber = outside :: alone
let beside_threads = in_a_thread :: around_closures
let on_lwt others () = if Random.int 5 = 0 then one_of others () else plain ()

let in_a_domain () =
  let run = Lwt_rust.Executor.run in
  match Random.int 15 with
  | 0 -> check "yield" (run (fun () -> Rust.Call.yield 3 1) = 1)
  | 1 -> check "spawn" (run (fun () -> Rust.Call.spawn 2) = 2)
  | 2 -> check "sum" (run (fun () -> Rust.Call.sum Lwt.return 10) = 45)
  | 3 -> check "lwt" (Lwt_rust.Executor.run_in_lwt (fun () -> pausing 4) = 4)
  | 4 ->
      let call () = Rust.Call.call_in_lwt_from_tokio pausing 5 in
      check "tokio" (run call = 5)
  | 5 -> (
      match run (fun () -> Rust.Call.unwind true) with
      | () -> raise (Wrong "a panic")
      | exception Lwt_rust.Panic _ -> ())
  | 6 -> send (one_of [ of_rust; of_ocaml ])
  | 7 -> (
      match run (fun () -> Rust.Call.fail true) with
      | () -> raise (Wrong "an error")
      | exception Lwt_rust.Error { backtrace = Some _; _ } -> ())
  | 8 ->
      around (fun () ->
          check "around" (run (fun () -> Rust.Call.yield 3 1) = 1))
  | 9 ->
      (* Other threads wake these tasks, perhaps while the domain ends. *)
      run (fun () -> Rust.Call.leave_to_wakers 5)
  | 10 ->
      let call () = Rust.Call.spawn_from_elsewhere 5 in
      check "from elsewhere" (run call = 5)
  | 11 -> Flows.in_a_domain ()
  | 12 -> Flows.left_in_a_domain ()
  | 13 -> Lwt_rust.Executor.run_in_lwt Flows.flow
  | _ -> run (fun () -> Rust.Call.leave_task (ref 0))

let counted = Atomic.make 0
let domains_ended = Atomic.make 0

let rec until deadline f =
  if Unix.gettimeofday () < deadline then (
    let* () = f () in
    Atomic.incr counted;
    until deadline f)
  else Lwt.return_unit

(* Domains that live for a short time, one after the other. *)
let a_domain deadline =
  let ended, resolver = Lwt.wait () in
  let life () =
    Random.self_init ();
    for _ = 1 to 2_000 do
      if Unix.gettimeofday () < deadline then in_a_domain ();
      Atomic.incr counted
    done
  in
  let domain = ref None in
  let notification =
    Lwt_unix.make_notification ~once:true (fun () ->
        match Domain.join (Option.get !domain) with
        | () ->
            Atomic.incr domains_ended;
            Lwt.wakeup_later resolver ()
        | exception exn -> Lwt.wakeup_later_exn resolver exn)
  in
  let tell () = Lwt_unix.send_notification notification in
  domain := Some (Domain.spawn (fun () -> Fun.protect ~finally:tell life));
  ended

let collect () =
  let* () = Lwt_unix.sleep 0.05 in
  (match Random.int 20 with
  | 0 -> Gc.compact ()
  | 1 | 2 -> Gc.full_major ()
  | _ -> Gc.minor ());
  Lwt.return_unit

(* A phase that does not end says which flows go on. *)
let fails_if_late deadline =
  let late = deadline +. patience -. Unix.gettimeofday () in
  let+ () = Lwt_unix.sleep late in
  raise (Wrong ("end: these go on: " ^ Flows.show_running ()))

let phase seconds others =
  let deadline = Unix.gettimeofday () +. seconds in
  let all =
    Lwt.join
      (until deadline collect
      :: (List.init fibres (fun _ -> until deadline (on_lwt others))
         @ List.init domains (fun _ ->
               until deadline (fun () -> a_domain deadline))))
  in
  Lwt_main.run (Lwt.pick [ all; fails_if_late deadline ])

(* The number of continuations that each [work] drops. If a closure is never resumed, its
   call keeps for ever a task, the promise that it awaits, the closure and its context,
   unless the call is cancelled. *)
let dropped = 10
let for_ever = ref 0

let beside_what_is_for_ever (live : Lwt_rust.Debug.live) =
  {
    live with
    tasks = live.tasks - !for_ever;
    promises = live.promises - !for_ever;
    roots = live.roots - (2 * !for_ever);
  }

let work seconds =
  let seconds = seconds /. 4. in
  for _ = 1 to dropped do
    in_a_closure_later ();
    incr for_ever;
    never_resumed ();
    never_resumed_and_cancelled ()
  done;
  phase seconds alone;
  with_an_engine_in_ocaml (fun () ->
      around (fun () -> phase seconds alone_in_a_fiber));
  phase seconds beside_threads;
  around (fun () -> in_a_closure (fun () -> phase seconds beside_threads))

(* Values that other threads have dropped, or that wait for a collection, may be released a
   little later. *)
let rec live_when_quiet patience expected =
  Gc.full_major ();
  let live = beside_what_is_for_ever (Lwt_rust.Debug.live ()) in
  let is_quiet = live = expected && Rust.alive () = 0 in
  if is_quiet || patience = 0 then Lwt.return live
  else
    let* () = Lwt_unix.sleep 0.02 in
    live_when_quiet (patience - 1) expected

let show { Lwt_rust.Debug.tasks; promises; roots; descriptors } =
  Printf.sprintf "tasks=%d promises=%d roots=%d descriptors=%d" tasks promises
    roots descriptors

(* [trimmed_kb] leaves out the free memory that the C library keeps. *)
let show_memory () =
  let kilobytes = resident () in
  Rust.trim ();
  Printf.sprintf "resident_kb=%d trimmed_kb=%d" kilobytes (resident ())

let main seconds =
  Lwt_main.run (begin_signals ());
  (* The values that stay for good exist after a while. *)
  work (seconds /. 10.);
  let nothing =
    { Lwt_rust.Debug.tasks = 0; promises = 0; roots = 0; descriptors = 0 }
  in
  let before = Lwt_main.run (live_when_quiet 20 nothing) in
  let before = { before with tasks = 0; promises = 0 } in
  Printf.printf "before    %s %s\n%!" (show before) (show_memory ());
  Atomic.set counted 0;
  Atomic.set domains_ended 0;
  for n = 1 to 4 do
    work (seconds /. 4.);
    let live = Lwt_main.run (live_when_quiet 500 before) in
    Printf.printf "after %d/4 %s %s operations=%d domains=%d\n%!" n (show live)
      (show_memory ()) (Atomic.get counted) (Atomic.get domains_ended)
  done;
  let after = Lwt_main.run (live_when_quiet 500 before) in
  check "no tasks that were left" (Rust.left () = 0);
  check "no streams that were left" (Rust.alive () = 0);
  check "as it was" (after.tasks = 0 && after.promises = 0);
  check "no descriptors more" (after.descriptors <= before.descriptors);
  check "no roots more" (after.roots <= before.roots)

let () =
  let seconds =
    if Array.length Sys.argv > 1 then float_of_string Sys.argv.(1) else 600.
  in
  Unix.putenv "RUST_BACKTRACE" "1";
  Lwt_rust.on_panic (Some ignore);
  Lwt_rust.Runtime.(configure (Multi_thread { workers = Some 8 }));
  main seconds
