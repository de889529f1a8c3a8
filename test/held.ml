(* Rust holds nothing while OCaml code runs. A closure that Rust calls, or a continuation,
   may block its thread, run a loop, or never return, and everything else goes on. *)

open Lwt.Syntax
open Support

let rec repeat f n =
  if n = 0 then Lwt.return_unit
  else
    let* () = f () in
    repeat f (n - 1)

let calls n = repeat (fun () -> Rust.sleep 0 ()) n

(* A gate for threads. *)
let gate () =
  let mutex = Mutex.create () in
  let opened = Condition.create () in
  let is_open = ref false in
  let pass () =
    Mutex.protect mutex (fun () ->
        while not !is_open do
          Condition.wait opened mutex
        done)
  in
  let open_ () =
    Mutex.protect mutex (fun () ->
        is_open := true;
        Condition.broadcast opened)
  in
  (pass, open_)

let or_fail promise =
  let late =
    let* () = Lwt_unix.sleep 20. in
    Alcotest.fail "still waiting after 20 seconds"
  in
  Lwt.pick [ late; promise ]

(* Runs [body] while another thread is inside a closure that Rust has called. *)
let beside_a_thread body () =
  Lwt_main.run (Rust.yield 3 ());
  let pass, open_ = gate () in
  let closure x =
    pass ();
    Lwt.return x
  in
  let called = ref None in
  let thread =
    Thread.create (fun () -> called := Some (Rust.call closure 7)) ()
  in
  Fun.protect ~finally:open_ (fun () -> Lwt_main.run (or_fail (body ())));
  check_bool "it is still there" true (!called = None);
  Thread.join thread;
  check_int "its call" 7 (Lwt_main.run (or_fail (Option.get !called)))

(* [switching f] is [f ()]. Wherever [f] allocates, other threads have a turn. *)
let switching f =
  let me = Thread.self () in
  let is_off = ref false in
  let alloc _ =
    if Thread.self () == me && not !is_off then (
      is_off := true;
      Thread.yield ();
      is_off := false);
    None
  in
  let tracker =
    { Gc.Memprof.null_tracker with alloc_minor = alloc; alloc_major = alloc }
  in
  ignore (Gc.Memprof.start ~sampling_rate:1. tracker : Gc.Memprof.t);
  Fun.protect ~finally:Gc.Memprof.stop f

(* A closure runs on the thread that calls Rust, also if tasks are runnable then. So it may
   wait for the loop. *)
let closures_of_a_thread () =
  let job () =
    let me = Thread.id (Thread.self ()) in
    let closure n =
      Lwt.return (if Thread.id (Thread.self ()) = me then n else -n)
    in
    switching (fun () -> Rust.call_runnable closure 7)
  in
  let until = Unix.gettimeofday () +. 2. in
  let rec go n =
    if n = 0 || Unix.gettimeofday () > until then Lwt.return_unit
    else
      let* call = Lwt_preemptive.detach job () in
      let* number = call in
      check_int "by its thread" 7 number;
      go (n - 1)
  in
  let rec turns () = Lwt.bind (Lwt.pause ()) turns in
  Lwt_main.run (or_fail (Lwt.pick [ go 1000; turns () ]))

(* [often_switching f] is [f ()]. Other threads have a turn every few steps of [f], also
   where it does not allocate. *)
let often_switching f =
  let set it_interval it_value =
    ignore
      (Unix.setitimer ITIMER_REAL { it_interval; it_value }
        : Unix.interval_timer_status)
  in
  let soon () = set 1e-3 1e-5 in
  let is_over = ref false in
  let switch _ =
    Thread.yield ();
    if not !is_over then soon ()
  in
  let old = Sys.signal Sys.sigalrm (Signal_handle switch) in
  let finally () =
    is_over := true;
    set 0. 0.;
    Sys.set_signal Sys.sigalrm old
  in
  soon ();
  Fun.protect ~finally f

let switches_in_handlers =
  let slow = "its time is over before threads have switched often" in
  [ (Memcheck, slow); (Thread_sanitizer, slow) ]

(* A thread that calls Rust runs no callback of the loop's, also if Lwt has deferred the
   callback meanwhile. *)
let callbacks_of_the_loop () =
  let me = Thread.id (Thread.self ()) in
  let elsewhere = ref 0 and is_over = ref false in
  let note () =
    if Thread.id (Thread.self ()) <> me then incr elsewhere;
    Lwt.return_unit
  in
  let rec turns () =
    let deferred, resolver = Lwt.wait () in
    let noted = Lwt.bind deferred note in
    Lwt.wakeup_later resolver ();
    let* () = noted in
    if !is_over then Lwt.return_unit else Lwt.bind (Lwt.pause ()) turns
  in
  let calls = ref [] in
  let job () =
    let until = Unix.gettimeofday () +. 1. in
    while Unix.gettimeofday () < until do
      calls := List.init 100 (fun _ -> Rust.call Lwt.return 7)
    done;
    is_over := true
  in
  let thread = Thread.create job () in
  let hook = Lwt_main.Enter_iter_hooks.add_last Thread.yield in
  often_switching (fun () -> Lwt_main.run (or_fail (turns ())));
  Lwt_main.Enter_iter_hooks.remove hook;
  Thread.join thread;
  let numbers = Lwt_main.run (or_fail (Lwt.all !calls)) in
  check_bool "the calls" true (List.for_all (( = ) 7) numbers);
  check_int "callbacks in the thread" 0 !elsewhere

(* A turn of the loop waits for a thread that calls Rust. The call has something left for the
   loop, and so it makes the loop come back. The thread makes no pause for that: while
   [Lwt.pause] runs, the loop may go on and resume the pause. *)
let pauses_of_the_loop () =
  let me = Thread.id (Thread.self ()) in
  let elsewhere = ref 0 in
  let note (_ : int) =
    if Thread.id (Thread.self ()) <> me then incr elsewhere
  in
  let turn () =
    let* () = Lwt.pause () in
    let called = ref (Lwt.return 0) in
    let job () = called := Rust.call Lwt.return 7 in
    Thread.join (Thread.create job ());
    Lwt.map (check_int "value" 7) !called
  in
  Lwt_main.run (Rust.yield 3 ());
  Lwt.register_pause_notifier note;
  let finally () = Lwt.register_pause_notifier ignore in
  Fun.protect ~finally (fun () -> Lwt_main.run (or_fail (repeat turn 20)));
  check_int "pauses in the thread" 0 !elsewhere

(* A call has left an action. Then it calls a synchronous closure, which makes another call,
   and in that one a loop, which takes the action. *)
let own_actions_in_order () =
  let called = ref [] in
  let f n =
    called := n :: !called;
    Lwt.return n
  in
  let inner = ref Lwt.return_nil in
  let plain n =
    Lwt_main.run (Lwt_unix.sleep 0.01);
    n
  in
  let nested n =
    let sum = Rust.call_plain_and_three plain f in
    inner := Lwt.map (fun sum -> [ sum ]) sum;
    n
  in
  let outer = Rust.call_lwt_and_plain f nested in
  check_int "the outer call" 0 (Lwt_main.run outer);
  Alcotest.(check (list int)) "sum" [ 6 ] (Lwt_main.run !inner);
  Alcotest.(check (list int)) "in order" [ 0; 1; 2; 3 ] (List.rev !called)

(* OCaml code makes the exception of a task that fails, while the poll has actions in hand.
   If another thread calls Rust meanwhile, it gets those of its own call only. *)
let closures_beside_a_failure () =
  let is_over = ref false in
  let wrong = ref 0 in
  let job () =
    let me = Thread.id (Thread.self ()) in
    let closure n =
      if Thread.id (Thread.self ()) <> me then incr wrong;
      Lwt.return n
    in
    while not !is_over do
      ignore (Rust.call closure 7 : int Lwt.t);
      Thread.yield ()
    done
  in
  let thread = Thread.create job () in
  let fails () =
    Lwt.catch (fun () -> Rust.fail true) (fun _ -> Lwt.return_unit)
  in
  let main = Thread.id (Thread.self ()) in
  let until = Unix.gettimeofday () +. 2. in
  (* A closure of the loop may block the other thread. *)
  let slow n =
    if Thread.id (Thread.self ()) <> main then Thread.delay 0.001;
    Lwt.return n
  in
  let rec go n =
    if n = 0 || Unix.gettimeofday () > until then Lwt.return_unit
    else
      let* _ = Lwt.all (List.init 5 (Rust.call_later slow))
      and* () = Lwt.join (List.init 5 (fun _ -> fails ())) in
      go (n - 1)
  in
  let finally () =
    is_over := true;
    Thread.join thread
  in
  Fun.protect ~finally (fun () ->
      switching (fun () -> Lwt_main.run (or_fail (go 100))));
  check_int "by another thread" 0 !wrong

let many_tasks () =
  let pausing () = repeat (fun () -> Rust.call Lwt.pause ()) 50 in
  Lwt.join (List.init 400 (fun _ -> pausing ()))

let spawned_from_elsewhere () =
  Lwt.map (check_int "sum" 4950)
    (Rust.sum_of_tasks (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 100)

let cancelled () =
  let call = Rust.for_ever () in
  let* () = Lwt.pause () in
  Lwt.cancel call;
  Lwt.map (check_int "futures" 0) (Rust.live ())

(* The closure waits for the loop, and the loop waits for the job that calls the closure. *)
let a_job_that_awaits_the_loop () =
  let job () =
    Rust.call
      (fun n ->
        Lwt_preemptive.run_in_main (fun () -> calls 300);
        Lwt.return n)
      7
  in
  Lwt_main.run
    (or_fail
       (let* () = Rust.yield 1 () in
        let* call = Lwt_preemptive.detach job () in
        Lwt.map (check_int "value" 7) call))

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

let a_loop_in_a_closure () =
  let closure n =
    Lwt_main.run (or_fail (calls 300));
    Lwt.return n
  in
  check_int "value" 7 (Lwt_main.run (Rust.call closure 7))

let a_loop_by_hand_in_a_closure call () =
  let value = ref 0 in
  let closure () =
    value := run_by_hand (Rust.yield 3 5);
    Lwt.return_unit
  in
  run_by_hand (call closure ());
  check_int "value" 5 !value

type _ Effect.t += Leave : unit Effect.t

(* [left f] calls [f] until it performs [Leave], and returns the function that resumes [f]. *)
let left f =
  let rest : (unit, unit) Effect.Deep.continuation option ref = ref None in
  let effc : type a. a Effect.t -> ((a, _) Effect.Deep.continuation -> _) option
      = function
    | Leave ->
        Some
          (fun (rest_of_f : (a, unit) Effect.Deep.continuation) ->
            rest := Some rest_of_f)
    | _ -> None
  in
  Effect.Deep.match_with f () { retc = Fun.id; exnc = raise; effc };
  !rest

let leaving n =
  Effect.perform Leave;
  Lwt.return n

(* A closure performs an effect. The rest of the program goes on before the closure is
   resumed, or the closure is never resumed. *)
let an_effect ~resumed call () =
  let value = ref 0 in
  let body () =
    let promise = call leaving 7 in
    value := run_by_hand promise
  in
  let rest = left body in
  check_int "others" 5 (run_by_hand (Rust.yield 3 5));
  Lwt_main.run (or_fail (calls 50));
  match (rest, resumed) with
  | None, _ -> Alcotest.fail "expected the effect"
  | Some rest, true ->
      Effect.Deep.continue rest ();
      check_int "value" 7 !value
  | Some rest, false ->
      (match Effect.Deep.discontinue rest Exit with
      | () -> Alcotest.fail "expected Exit"
      | exception Exit -> ());
      check_int "others after it" 6 (Lwt_main.run (or_fail (Rust.yield 3 6)))

(* Several actions are left, and the first of them never ends. *)
let an_effect_before_others () =
  let others = List.init 20 (fun n -> Rust.yield 1 n) in
  let body () =
    Lwt.on_success (List.hd others) (fun _ -> Effect.perform Leave);
    run_by_hand (Lwt.all others |> Lwt.map ignore)
  in
  match left body with
  | None -> Alcotest.fail "expected the effect"
  | Some _ ->
      let values = Lwt_main.run (or_fail (Lwt.all others)) in
      check_bool "values" true (values = List.init 20 Fun.id)

(* Calls [settle] when the loop has decided to block. *)
let before_the_loop_blocks name settle =
  Alcotest.test_case name `Quick (fun () ->
      let promise = Lwt_rust.Promise.create () in
      let awaiting = Rust.await_portable promise in
      Lwt_main.run (pauses 3);
      let turns = ref 0 in
      let hook =
        Lwt_main.Enter_iter_hooks.add_last (fun () ->
            incr turns;
            (* The first turn has a pause; the second one blocks. *)
            if !turns = 2 then settle promise)
      in
      let finally () = Lwt_main.Enter_iter_hooks.remove hook in
      Fun.protect ~finally (fun () ->
          check_int "value" 5
            (Lwt_main.run (or_fail (Lwt.bind (pauses 1) (fun () -> awaiting))))))

let by_a_hook promise = Lwt_rust.Promise.resolve promise 5

let by_a_finaliser promise =
  let is_called = ref false in
  let collected () = Sys.opaque_identity (Array.make 1 5) in
  Gc.finalise
    (fun value ->
      is_called := true;
      Lwt_rust.Promise.resolve promise value.(0))
    (collected ());
  Gc.full_major ();
  Gc.full_major ();
  check_bool "the finaliser was called" true !is_called

(* The handler of a signal calls Rust in the middle of a closure. *)
let by_a_signal () =
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable promise in
  let handler _ = Lwt_rust.Promise.resolve promise 5 in
  let before = Sys.signal Sys.sigusr1 (Signal_handle handler) in
  let finally () =
    Sys.set_signal Sys.sigusr1 before;
    Lwt.return_unit
  in
  Fun.flip Lwt.finalize finally (fun () ->
      let closure n =
        Unix.kill (Unix.getpid ()) Sys.sigusr1;
        Unix.sleepf 0.01;
        Lwt.return n
      in
      let* called = Rust.call_later closure 7 in
      check_int "called" 7 called;
      Lwt.map (check_int "value" 5) awaiting)

(* A thread is in the middle of a call when the loop's thread begins one and leaves an action.
   The thread gets the actions of its own call only, when it goes on. *)
let actions_of_the_other_thread () =
  let me = Thread.id (Thread.self ()) in
  let signal () = Semaphore.Binary.make false in
  let has_begun = signal () and has_left = signal () and is_over = signal () in
  let by_me = ref [] and by_other = ref [] in
  let note called n =
    called := (Thread.id (Thread.self ()) = me) :: !called;
    Lwt.return n
  in
  let job () =
    let waits n =
      Semaphore.Binary.release has_begun;
      Semaphore.Binary.acquire has_left;
      n
    in
    let call = Rust.call_plain_and_three waits (note by_other) in
    Semaphore.Binary.release is_over;
    call
  in
  let other = ref (Lwt.return 0) in
  let thread = Thread.create (fun () -> other := job ()) () in
  Semaphore.Binary.acquire has_begun;
  let waits n =
    Semaphore.Binary.release has_left;
    Semaphore.Binary.acquire is_over;
    n
  in
  let call = Rust.call_lwt_and_plain (note by_me) waits in
  Thread.join thread;
  ignore (Lwt_main.run (Lwt.both call !other) : int * int);
  Alcotest.(check (list bool)) "by this thread" [ true ] !by_me;
  Alcotest.(check (list bool))
    "by the other thread" [ false; false; false ] !by_other

let () =
  let thread name body =
    Alcotest.test_case name `Quick (beside_a_thread body)
  in
  let plain name body = Alcotest.test_case name `Quick body in
  Alcotest.run "held"
    [
      ( "a thread is in a closure",
        [
          thread "calls go on" (fun () -> calls 200);
          thread "many tasks go on" many_tasks;
          thread "tasks from other threads go on" spawned_from_elsewhere;
          thread "calls are cancelled" cancelled;
          plain "a job that awaits the loop" a_job_that_awaits_the_loop;
          plain "closures of a thread" closures_of_a_thread;
          plain "pauses beside a thread" pauses_of_the_loop;
          plain "closures of a call" own_actions_in_order;
          plain "closures of two threads" actions_of_the_other_thread;
          plain "closures of a thread, beside failures"
            closures_beside_a_failure;
        ]
        @ left_out switches_in_handlers
            [ plain "callbacks beside a thread" callbacks_of_the_loop ] );
      ( "a loop in a closure",
        [
          plain "Lwt's" a_loop_in_a_closure;
          plain "by hand, at once" (a_loop_by_hand_in_a_closure Rust.call);
          plain "by hand, later" (a_loop_by_hand_in_a_closure Rust.call_later);
        ] );
      ( "an effect in a closure",
        [
          plain "at once" (an_effect ~resumed:true Rust.call);
          plain "later" (an_effect ~resumed:true Rust.call_later);
          plain "at once, and never resumed"
            (an_effect ~resumed:false Rust.call);
          plain "later, and never resumed"
            (an_effect ~resumed:false Rust.call_later);
          plain "before others" an_effect_before_others;
        ] );
      ( "when the loop has decided to block",
        [
          before_the_loop_blocks "a hook behind ours" by_a_hook;
          before_the_loop_blocks "a finaliser" by_a_finaliser;
          case "a signal, in a closure" by_a_signal;
        ] );
    ]
