(* Executors of several domains, and work that moves between them. *)

open Lwt.Syntax
open Support
module C = Lwt_rust.Channel
module K = Lwt_rust.Sink
module S = Lwt_rust.Stream

let run = Lwt_rust.Executor.run
let run_in_lwt = Lwt_rust.Executor.run_in_lwt

(* [elsewhere f] is the result of [f] in a new domain. The loop goes on meanwhile. *)
let elsewhere f =
  let ended, resolver = Lwt.wait () in
  let domain = ref None in
  let notification =
    Lwt_unix.make_notification ~once:true (fun () ->
        Lwt.wakeup_later resolver (Domain.join (Option.get !domain)))
  in
  domain :=
    Some
      (Domain.spawn (fun () ->
           let result = try Ok (f ()) with exn -> Error exn in
           Lwt_unix.send_notification notification;
           result));
  let* result = ended in
  match result with Ok value -> Lwt.return value | Error exn -> Lwt.fail exn

(* The state of Lwt belongs to the domain of the loop. *)
let closures_leave_lwt_alone () =
  let key = Lwt.new_key () in
  let is_over = Atomic.make false in
  let calls =
    elsewhere (fun () ->
        for _ = 1 to 20_000 do
          run (fun () -> Rust.Call.call_later Lwt.return ())
        done;
        Atomic.set is_over true)
  in
  let wrong = ref 0 in
  let rec work n =
    if Atomic.get is_over then Lwt.return_unit
    else
      let* () =
        Lwt.with_value key (Some n) (fun () ->
            let* () = Lwt.pause () in
            if Lwt.get key <> Some n then incr wrong;
            Lwt.return_unit)
      in
      if Lwt.get key <> None then incr wrong;
      work (n + 1)
  in
  let* () = work 0 in
  let+ () = calls in
  check_int "wrong values" 0 !wrong;
  check_bool "at the end" true (Lwt.get key = None)

let message_of f =
  match f () with
  | _ -> Alcotest.fail "expected an exception"
  | exception Lwt_rust.Error { message; _ } -> message
  | exception Invalid_argument message -> message

let check_contains text part =
  check_bool (Printf.sprintf "%S is in: %s" part text) true (contains text part)

(* No domain has called Rust before. *)
let no_lwt_domain_yet () =
  let text =
    Domain.join
      (Domain.spawn (fun () -> message_of (fun () -> run_in_lwt Lwt.return)))
  in
  check_contains text "Lwt_rust.Runtime.start"

let run_gives_what_rust_gives () =
  elsewhere (fun () ->
      check_int "ready" 1 (run (fun () -> Rust.Call.ready 1));
      check_int "yield" 2 (run (fun () -> Rust.Call.yield 5 2));
      check_int "timer" 3 (run (fun () -> Rust.Call.sleep 2 3));
      check_int "worker" 4 (run (fun () -> Rust.Call.spawn 4));
      check_int "storm" 4950 (run (fun () -> Rust.Call.storm 100));
      check_int "sum" 45 (run (fun () -> Rust.Call.sum Lwt.return 10));
      check_int "herd" 1000 (run (fun () -> Rust.Call.herd 1000)))

let run_raises () =
  elsewhere (fun () ->
      (match run (fun () -> Rust.Call.fail true) with
      | () -> Alcotest.fail "expected Error"
      | exception Lwt_rust.Error { message; _ } ->
          check_string "error" "the outer error" message);
      (match run (fun () -> Rust.Call.unwind true) with
      | () -> Alcotest.fail "expected Panic"
      | exception Lwt_rust.Panic { message; _ } ->
          check_string "panic" "panic of the test" message);
      match run (fun () -> Rust.Call.call (fun () -> raise Exit) ()) with
      | () -> Alcotest.fail "expected Exit"
      | exception Exit -> ())

let many_domains () =
  let count = 4 in
  let domain n () =
    List.fold_left
      (fun sum i -> sum + run (fun () -> Rust.Call.spawn i))
      n (List.init 100 Fun.id)
  in
  let* sums = Lwt.all (List.init count (fun n -> elsewhere (domain n)))
  and* here = Rust.sum (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 1000 in
  check_bool "sums" true (sums = List.init count (fun n -> n + 4950));
  check_int "here" 499_500 here;
  Lwt.return_unit

let to_lwt_and_back () =
  let domain = Domain.self () in
  let where () =
    let+ () = Lwt.pause () in
    Domain.self ()
  in
  elsewhere (fun () ->
      check_bool "its domain" true (run_in_lwt where = domain);
      let doubled n = Lwt.map (fun () -> 2 * n) (Lwt_unix.sleep 0.001) in
      check_int "by Rust" 42 (run (fun () -> Rust.Call.call_in_lwt doubled 21));
      check_int "by tokio" 44
        (run (fun () -> Rust.Call.call_in_lwt_from_tokio doubled 22));
      check_bool "a task" true
        (run (fun () -> Rust.Call.spawn_in_lwt 7) = Some 7);
      match run_in_lwt (fun () -> Lwt.fail Exit) with
      | () -> Alcotest.fail "expected Exit"
      | exception Exit -> ())

let from_tokio_in_lwt () =
  let+ n = Rust.call_in_lwt_from_tokio (fun n -> Lwt.return (n + 1)) 1 in
  check_int "sum" 2 n

let a_promise_of_rust_from_another_domain () =
  let promise = Lwt_rust.Promise.create () in
  let* value =
    Lwt.both
      (Rust.await_portable promise)
      (elsewhere (fun () -> Lwt_rust.Promise.resolve promise 5))
  in
  check_int "value" 5 (fst value);
  let theirs = Lwt_rust.Promise.create () in
  let awaiting =
    elsewhere (fun () -> run (fun () -> Rust.Call.await_portable theirs))
  in
  let* () = Lwt_unix.sleep 0.01 in
  Lwt_rust.Promise.resolve theirs 6;
  let+ value = awaiting in
  check_int "the other way" 6 value

let wrong_use () =
  let* () = Rust.yield 1 () in
  check_contains
    (message_of (fun () -> run (fun () -> Rust.Call.ready 1)))
    "Lwt loop";
  check_contains (message_of (fun () -> run_in_lwt Lwt.return)) "Lwt loop";
  elsewhere (fun () ->
      let refused =
        match Lwt.state (Rust.ready 1) with
        | Fail (Lwt_rust.Error { message; _ }) -> message
        | Fail _ | Return _ | Sleep -> "not refused"
      in
      check_contains refused "Lwt_rust.Executor.run";
      (* This domain has an executor of its own. *)
      run (fun () -> Rust.Call.yield 1 ());
      check_contains
        (message_of (fun () -> Rust.yield 1 ()))
        "Lwt_rust.Executor.run";
      let pending () = fst (Lwt.wait ()) in
      check_contains
        (message_of (fun () -> run (fun () -> Rust.Call.call pending ())))
        "no Lwt loop";
      let nested () = Lwt.return (run (fun () -> Rust.Call.yield 1 ())) in
      check_contains
        (message_of (fun () -> run (fun () -> Rust.Call.call nested ())))
        "already";
      let call = Rust.Call.yield 1 () in
      run (fun () -> call);
      check_contains (message_of (fun () -> run (fun () -> call))) "before";
      (* The executor still works. *)
      check_int "after" 3 (run (fun () -> Rust.Call.yield 2 3)))

type _ Effect.t += Leave : unit Effect.t

(* A closure performs an effect, and its handler does not resume [run]. *)
let left_for_ever () =
  elsewhere (fun () ->
      let closure () = Lwt.return (Effect.perform Leave) in
      let effc : type a.
          a Effect.t -> ((a, unit) Effect.Deep.continuation -> _) option =
        function
        | Leave -> Some ignore
        | _ -> None
      in
      Effect.Deep.match_with
        (fun () -> run (fun () -> Rust.Call.call closure ()))
        ()
        { retc = (fun () -> Alcotest.fail "resumed"); exnc = raise; effc };
      check_contains
        (message_of (fun () -> run (fun () -> Rust.Call.yield 1 ())))
        "nobody has resumed")

(* The exception escapes from [run], too, and cancels the call. *)
let what_lwt_does_not_catch () =
  let raises () = raise Out_of_memory in
  let leaves call =
    match run call with
    | (_ : int) -> Alcotest.fail "expected Out_of_memory"
    | exception Out_of_memory -> ()
  in
  let* () =
    elsewhere (fun () ->
        Lwt.Exception_filter.(set handle_all_except_runtime);
        let finally () = Lwt.Exception_filter.(set handle_all) in
        Fun.protect ~finally @@ fun () ->
        leaves (fun () -> Rust.Call.swallow raises false);
        leaves (fun () -> Rust.Call.swallow raises true);
        leaves (fun () -> Rust.Call.swallow_and_wait raises);
        check_int "after" 3 (run (fun () -> Rust.Call.yield 2 3));
        check_int "futures" 0 (run Rust.Call.live))
  in
  Lwt.return_unit

let a_domain_that_ends () =
  let before = (Lwt_rust.Debug.live ()).tasks in
  let* () =
    elsewhere (fun () ->
        run (fun () -> Rust.Call.leave_task (ref 0));
        ignore (Rust.Call.for_ever () : unit Lwt_rust.Executor.call);
        check_bool "left" true ((Lwt_rust.Debug.live ()).tasks > before))
  in
  check_int "tasks" before (Lwt_rust.Debug.live ()).tasks;
  let+ live = Rust.live () in
  check_int "futures" 0 live

(* A tokio task waits for a task of a domain that ends. *)
let a_task_that_is_awaited_elsewhere () =
  let+ () =
    elsewhere (fun () ->
        ignore
          (Rust.Call.await_task_from_tokio () : unit Lwt_rust.Executor.call);
        run (fun () -> Rust.Call.yield 1 ()))
  in
  check_int "tasks" 0 (Lwt_rust.Debug.live ()).tasks

(* A new domain may use the executor of a domain that has ended. *)
let a_handle_of_a_domain_that_is_gone () =
  let* () = elsewhere (fun () -> run Rust.Call.keep_handle) in
  let rec other_domains n =
    if n = 0 then Lwt.return_unit
    else (
      Gc.full_major ();
      let* () =
        elsewhere (fun () ->
            match run Rust.Call.spawn_in_kept with
            | () -> Alcotest.fail "a task of one domain ran in another"
            | exception Lwt_rust.Abandoned -> ())
      in
      other_domains (n - 1))
  in
  other_domains 100

(* A domain ends. Only Rust keeps a value of it. *)
let a_value_outlives_its_domain () =
  let texts () = List.init 1000 (Printf.sprintf "text %d") in
  let round () =
    let* () =
      elsewhere (fun () ->
          run (fun () -> Rust.Call.keep_root (Obj.repr (texts ()))))
    in
    for _ = 1 to 3 do
      ignore (Sys.opaque_identity (texts ()) : string list);
      Gc.full_major ()
    done;
    let+ kept = Rust.kept_root () in
    check_bool "is what it was" true (kept = texts ())
  in
  Lwt_list.iter_s round (List.init 20 ignore)

let descriptors_come_back () =
  let round () = elsewhere (fun () -> run (fun () -> Rust.Call.sleep 1 ())) in
  let* () = round () in
  let before = (Lwt_rust.Debug.live ()).descriptors in
  let rec rounds n =
    if n = 0 then Lwt.return_unit
    else
      let* () = round () in
      rounds (n - 1)
  in
  let+ () = rounds 20 in
  check_int "descriptors" before (Lwt_rust.Debug.live ()).descriptors

(* The hook was added before the domain's first call, so it runs after our hook. *)
let hooks_may_call_rust () =
  let round () =
    elsewhere (fun () ->
        Domain.at_exit (fun () ->
            check_int "in a hook" 3 (run (fun () -> Rust.Call.yield 2 3));
            check_int "again" 4 (run (fun () -> Rust.Call.sleep 1 4)));
        check_int "before" 2 (run (fun () -> Rust.Call.yield 2 2)))
  in
  let* () = round () in
  Gc.full_major ();
  let before = Lwt_rust.Debug.live () in
  let rec rounds n =
    if n = 0 then Lwt.return_unit
    else
      let* () = round () in
      rounds (n - 1)
  in
  let+ () = rounds 20 in
  Gc.full_major ();
  let after = Lwt_rust.Debug.live () in
  check_int "descriptors" before.descriptors after.descriptors;
  check_bool "roots" true (after.roots <= before.roots)

(* OCaml calls no hook that is added while it calls hooks, so it does not call ours. The
   collector finds that the domain is gone. *)
let a_first_call_in_a_hook () =
  let round () =
    elsewhere (fun () ->
        Domain.at_exit (fun () ->
            check_int "in a hook" 3 (run (fun () -> Rust.Call.yield 2 3));
            check_int "again" 4 (run (fun () -> Rust.Call.sleep 1 4))))
  in
  let rec rounds n =
    if n = 0 then Lwt.return_unit
    else
      let* () = round () in
      rounds (n - 1)
  in
  let live () =
    for _ = 1 to 4 do
      Gc.full_major ()
    done;
    Lwt_rust.Debug.live ()
  in
  let* () = rounds 3 in
  let before = live () in
  let+ () = rounds 20 in
  let after = live () in
  check_int "descriptors" before.descriptors after.descriptors;
  check_bool "roots" true (after.roots <= before.roots)

(* Another thread of the domain is in [run] when the domain ends. *)
(* The domain waits for its threads. [domain said] starts one, which puts the name of the
   exception that it gets into [said]. *)
let thread_is_abandoned domain () =
  let said = Atomic.make None in
  let has_ended = Atomic.make false in
  let join () =
    Domain.join (Domain.spawn (fun () -> domain said));
    Atomic.set has_ended true
  in
  ignore (Thread.create join () : Thread.t);
  let rec await n =
    match Atomic.get said with
    | Some said when Atomic.get has_ended -> said
    | Some said when n = 0 -> said ^ ", and the domain goes on"
    | None when n = 0 -> "nothing"
    | Some _ | None ->
        Thread.delay 0.01;
        await (n - 1)
  in
  Alcotest.(check string)
    "the thread" "Lwt_rust__Errors.Abandoned" (await 1_000)

let wait_long said =
  Atomic.set said
    (Some
       (match run (fun () -> Rust.Call.sleep 60_000 5) with
       | (_ : int) -> "a value"
       | exception exn -> Printexc.exn_slot_name exn))

let ends_while_a_thread_runs said =
  ignore (run (fun () -> Rust.Call.sleep 1 0) : int);
  ignore (Thread.create wait_long said : Thread.t);
  Thread.delay 0.02

(* The hook is added before ours, so OCaml calls it after ours. *)
let ends_before_a_thread_runs said =
  let is_closed = Atomic.make false in
  Domain.at_exit (fun () -> Atomic.set is_closed true);
  ignore (run (fun () -> Rust.Call.sleep 1 0) : int);
  let wait () =
    while not (Atomic.get is_closed) do
      Thread.delay 0.001
    done;
    wait_long said
  in
  ignore (Thread.create wait () : Thread.t)

(* {1 Streams, sinks and channels} *)

let rec until condition =
  if condition () then Lwt.return_unit
  else
    let* () = Lwt_unix.sleep 0.001 in
    until condition

let up_to n = List.init n Fun.id

(* A domain ends with a stream that it has read from, with others, with the ends of channels,
   and with a thread of tokio's that wants items of its stream. *)
let what_is_left_open () =
  let round () =
    elsewhere (fun () ->
        let read = Rust.numbers 9 and unread = Rust.from_tokio 1_000 8 in
        let taken = run (fun () -> Rust.Call.take read 2 1 false) in
        check_bool "taken" true (taken = [ 0; 1 ]);
        let reader = Rust.Call.take (S.of_seq (Seq.ints 0)) 9 1 true in
        let ends = (Rust.channel_of 1, (C.bounded 1 : int K.t * int S.t)) in
        check_bool "there" true (Rust.alive () > 0);
        ignore (Sys.opaque_identity (unread, reader, ends)))
  in
  let live () =
    collect ();
    let live = Lwt_rust.Debug.live () in
    (live.tasks, live.promises, live.roots, Rust.alive ())
  in
  let* () = round () in
  let* () =
    until (fun () ->
        let _, promises, _, alive = live () in
        promises = 0 && alive = 0)
  in
  let before = live () in
  let* () = Lwt_list.iter_s round (List.init 10 ignore) in
  until (fun () -> live () = before)

let streams_outlive_their_domain () =
  let* numbers, from_tokio, (sink, received) =
    elsewhere (fun () ->
        (Rust.numbers 5, S.map succ (Rust.from_tokio 50 2), Rust.channel_of 1))
  in
  collect ();
  let* items = S.to_list numbers in
  check_bool "numbers" true (items = up_to 5);
  let* sum = S.fold ( + ) from_tokio 0 in
  check_int "from tokio" (50 * 51 / 2) sum;
  let* () = K.send sink 7 in
  let second = K.send sink 8 in
  check_bool "full" true (is_pending second);
  let* first = S.next received in
  check_bool "the first" true (first = Some 7);
  let* () = second in
  let* () = K.close sink in
  let+ rest = S.to_list received in
  check_bool "the rest" true (rest = [ 8 ])

(* The domain has one end of a channel. A task of the loop waits at the other one. *)
let ends_with_the_sender () =
  let reader = ref Lwt.return_none in
  let* () =
    elsewhere (fun () ->
        let sink, received = Rust.channel_of 1 in
        run_in_lwt (fun () ->
            reader := S.next received;
            check_bool "it waits" true (is_pending !reader);
            Lwt.return_unit);
        ignore (Sys.opaque_identity sink))
  in
  let* () =
    until (fun () ->
        collect ();
        not (is_pending !reader))
  in
  let+ item = !reader in
  check_bool "the end" true (item = None)

let ends_with_the_receiver () =
  let sender = ref Lwt.return_unit in
  let* () =
    elsewhere (fun () ->
        let sink, received = Rust.channel_of 1 in
        run_in_lwt (fun () ->
            let* () = K.send sink 1 in
            sender := K.send sink 2;
            check_bool "it waits" true (is_pending !sender);
            Lwt.return_unit);
        ignore (Sys.opaque_identity received))
  in
  let* () =
    until (fun () ->
        collect ();
        not (is_pending !sender))
  in
  expect "the sender" !sender (function
    | Lwt_rust.Error { message; _ } ->
        message = "the channel is closed: nobody receives from it any more"
    | _ -> false)

(* A thread of tokio's uses a stream or a sink of the domain. [leave use] gives it to the
   thread, and [use] is called for each item. The domain ends while somebody else waits for
   that thread. *)
let used_by_tokio leave await () =
  let used = Lwt_rust.Promise.create () in
  let is_awaited = Lwt_rust.Promise.create () in
  let is_left, left = Lwt.wait () in
  let uses = ref 0 in
  let use () =
    incr uses;
    if !uses = 3 then Lwt_rust.Promise.resolve used ()
  in
  let ended =
    elsewhere (fun () ->
        run (fun () -> leave use);
        run_in_lwt (fun () -> Lwt.return (Lwt.wakeup_later left ()));
        run (fun () -> Rust.Call.await_portable used);
        run (fun () -> Rust.Call.await_portable is_awaited))
  in
  let* () = is_left in
  let waiting = result (await ()) in
  check_bool "it waits" true (is_pending waiting);
  Lwt_rust.Promise.resolve is_awaited ();
  let* () = ended in
  let+ waiting = waiting in
  check_bool "abandoned" true (waiting = Error Lwt_rust.Abandoned)

let reader use =
  let get () =
    use ();
    Lwt.return_some 1
  in
  Rust.Call.leave_reader (S.from get)

let filler use =
  let send (_ : int) =
    use ();
    Lwt.return_unit
  in
  Rust.Call.leave_filler (K.make send)

let in_another_domain () = elsewhere (fun () -> run Rust.Call.result_of_left)

let () =
  let plain name f = Alcotest.test_case name `Quick f in
  Support.run "domains" ~left_out:starts_a_domain
    [
      ("before Lwt", [ plain "no Lwt domain" no_lwt_domain_yet ]);
      ( "run",
        [
          case "gives what Rust gives" run_gives_what_rust_gives;
          case "raises what Rust rejects with" run_raises;
          case "raises what Lwt does not catch" what_lwt_does_not_catch;
          case "many domains" many_domains;
          case "closures leave Lwt alone" closures_leave_lwt_alone;
          case "descriptors come back" descriptors_come_back;
        ] );
      ( "to and from Lwt",
        [
          case "closures go to Lwt" to_lwt_and_back;
          case "from tokio in the Lwt domain" from_tokio_in_lwt;
          case "Lwt_rust.Promise between domains"
            a_promise_of_rust_from_another_domain;
        ] );
      ( "ends",
        [
          case "tasks end with their domain" a_domain_that_ends;
          case "hooks may call Rust" hooks_may_call_rust;
          Alcotest.test_case "ends while a thread runs" `Quick
            (thread_is_abandoned ends_while_a_thread_runs);
          Alcotest.test_case "ends before a thread runs" `Quick
            (thread_is_abandoned ends_before_a_thread_runs);
          case "a first call in a hook" a_first_call_in_a_hook;
          case "a task that is awaited elsewhere"
            a_task_that_is_awaited_elsewhere;
          case "a handle of a domain that is gone"
            a_handle_of_a_domain_that_is_gone;
          case "a value outlives its domain" a_value_outlives_its_domain;
        ] );
      ( "streams, sinks and channels",
        [
          case "are left open" what_is_left_open;
          case "outlive their domain" streams_outlive_their_domain;
          case "a sender whose domain ends" ends_with_the_sender;
          case "a receiver whose domain ends" ends_with_the_receiver;
          case "tokio reads" (used_by_tokio reader Rust.result_of_left);
          case "tokio fills" (used_by_tokio filler Rust.result_of_left);
          case "tokio reads, a domain waits"
            (used_by_tokio reader in_another_domain);
          case "tokio fills, a domain waits"
            (used_by_tokio filler in_another_domain);
        ] );
      ( "wrong use",
        [ case "says what to do" wrong_use; case "left for ever" left_for_ever ]
      );
    ]
