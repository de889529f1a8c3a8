(* Lwt promises that Rust awaits. Any thread may settle or await them. *)

open Lwt.Syntax
open Support
module F = Rust

(* When the promise of the first step is resolved, the task begins its second step at
   once. *)
let goes_on_at_once () =
  let promise, resolver = Lwt.wait () in
  let steps = ref 0 in
  let step n =
    incr steps;
    if n = 0 then promise else Lwt.return n
  in
  let sum = Rust.sum step 3 in
  let* () = pauses 3 in
  check_int "before" 1 !steps;
  Lwt.wakeup resolver 5;
  check_int "after" 3 !steps;
  let+ sum = sum in
  check_int "sum" 8 sum

(* Each callback runs a task, within a limit. A poll runs the other tasks. *)
let many_go_on_in_one_turn () =
  let gate, open_gate = Lwt.wait () in
  let all =
    List.init 1_000 (fun n -> Rust.sum (fun _ -> gate) (1 + (n mod 2)))
  in
  let* () = pauses 5 in
  Lwt.wakeup open_gate 1;
  let+ sums = Lwt.all all in
  check_int "sums" 1_500 (List.fold_left ( + ) 0 sums)

(* The callback runs while the task that calls the closure is being polled. *)
let within_a_closure () =
  let promise, resolver = Lwt.wait () in
  let first = Rust.sum (fun _ -> promise) 1 in
  let* () = pauses 3 in
  let second =
    Rust.sum
      (fun n ->
        if n = 1 then Lwt.wakeup resolver 7;
        Lwt.map (fun () -> n) (Lwt.pause ()))
      3
  in
  let* first = first in
  let+ second = second in
  check_int "awaited" 7 first;
  check_int "the other" 3 second

let by_somebody_else awaits () =
  let promise, resolver = Lwt.task () in
  let awaiting = awaits (fun () -> promise) in
  let* () = pauses 5 in
  check_bool "pending" true (Lwt.is_sleeping awaiting);
  Lwt.wakeup resolver 3;
  let* n = awaiting in
  check_int "pending at first" 3 n;
  (* The promise may be settled before the other task looks at it. *)
  let* n = awaits (fun () -> Lwt.map (fun () -> 4) (Lwt.pause ())) in
  check_int "soon" 4 n;
  let+ n = awaits (fun () -> Lwt.return 5) in
  check_int "at once" 5 n

(* The handler of a signal may raise just after a wait has begun. Then Rust behaves as if the
   closure had raised. The test raises from a profiler, at the next allocation. *)
let interrupted () =
  let promise, resolver = Lwt.wait () in
  let armed = ref false in
  let alloc _ =
    if !armed then (
      armed := false;
      raise Exit)
    else None
  in
  let tracker =
    { Gc.Memprof.null_tracker with alloc_minor = alloc; alloc_major = alloc }
  in
  let interrupted_once () =
    match Gc.Memprof.start ~sampling_rate:1. tracker with
    | exception Failure _ ->
        (* OCaml 5.1 and 5.2 have no profiler. *) Lwt.return_unit
    | _ ->
        let awaiting =
          Rust.sum
            (fun _ ->
              armed := true;
              promise)
            1
        in
        Gc.Memprof.stop ();
        let* settled = result awaiting in
        check_bool "raised" true (settled = Error Exit);
        Lwt.return_unit
  in
  let rec again n =
    if n = 0 then Lwt.return_unit
    else
      let* () = interrupted_once () in
      again (n - 1)
  in
  let* () = again 1 in
  let before = (Lwt_rust.Debug.live ()).roots in
  let* () = again 50 in
  check_int "roots" before (Lwt_rust.Debug.live ()).roots;
  Lwt.wakeup resolver 1;
  pauses 3

(* Other tasks have the slots of the tasks that are gone. *)
let gone_tasks_are_woken () =
  let+ sum = F.wake_the_gone 100 in
  check_int "sum" 4950 sum

(* {1 Promises that any domain settles} *)

let in_a_domain f = Domain.join (Domain.spawn f)

let settled_in_a_domain on_tokio settle check () =
  let promise = Lwt_rust.Promise.create () in
  let called = result (F.double promise on_tokio) in
  let* () = pauses 3 in
  check_bool "pending" true (is_pending called);
  in_a_domain (fun () -> settle promise);
  let+ settled = called in
  check_bool "as it was settled" true (check settled)

let resolves promise = Lwt_rust.Promise.resolve promise 4
let rejects promise = Lwt_rust.Promise.reject promise Exit
let is_eight = function Ok n -> n = 8 | Error _ -> false
let is_exit = function Error exn -> exn == Exit | Ok _ -> false

let settled_promise () =
  let promise = Lwt_rust.Promise.create () in
  resolves promise;
  promise

let settled_before () =
  let promise = Lwt_rust.Promise.create () in
  resolves promise;
  let* doubled = F.double promise false in
  check_int "double" 8 doubled;
  expect "again" (F.double promise false) (function
    | Lwt_rust.Error { message; _ } ->
        String.ends_with ~suffix:"only one future can await it" message
    | _ -> false)

let dropped_unsettled () =
  let called = result (F.double (Lwt_rust.Promise.create ()) true) in
  let* () = pauses 3 in
  Gc.full_major ();
  let+ settled = called in
  check_bool "abandoned" true (settled = Error Lwt_rust.Abandoned)

let awaited_in_a_domain () =
  let promise = Lwt_rust.Promise.create () in
  let domain =
    Domain.spawn (fun () ->
        Lwt_rust.Executor.run (fun () -> F.Call.double promise false))
  in
  let+ () = Lwt_unix.sleep 0.01 in
  resolves promise;
  check_int "double" 8 (Domain.join domain)

(* A closure or a promise that another domain gives belongs to the domain of the function,
   whether it comes before or after the call. *)
let given_in_a_domain is_before uses_rust call value () =
  let promise = Lwt_rust.Promise.create () in
  let give () =
    in_a_domain (fun () ->
        if uses_rust then
          Lwt_rust.Executor.run (fun () ->
              F.Call.double (settled_promise ()) false)
          |> check_int "used" 8;
        Lwt_rust.Promise.resolve promise value)
  in
  let called =
    if is_before then (
      give ();
      call promise)
    else
      let called = call promise in
      give ();
      called
  in
  Lwt.map (check_int "value" 5) called

let given_closures =
  List.concat_map
    (fun (order, is_before) ->
      List.concat_map
        (fun (kind, uses_rust) ->
          [
            case
              (Printf.sprintf "a closure given %s by %s" order kind)
              (given_in_a_domain is_before uses_rust
                 (fun given -> F.call_the_given given 4)
                 (fun n -> Lwt.map (fun () -> n + 1) (Lwt.pause ())));
            case
              (Printf.sprintf "a promise given %s by %s" order kind)
              (given_in_a_domain is_before uses_rust F.await_the_given
                 (Lwt.return 5));
          ])
        [ ("a domain", false); ("a domain that uses Rust", true) ])
    [ ("before", true); ("later", false) ]

let not_of_this_kind () =
  let wrong : int Lwt_rust.Promise.t = Obj.magic (Lwt.return 1) in
  expect "a Lwt promise" (F.double wrong false) (function
    | Lwt_rust.Error _ -> true
    | _ -> false)

let pending_elsewhere () =
  let promise, resolver = Lwt.task () in
  let awaiting = result (F.await_elsewhere (fun () -> promise)) in
  (promise, resolver, awaiting)

let settled_elsewhere settle expected () =
  let _, resolver, awaiting = pending_elsewhere () in
  let* () = Lwt_unix.sleep 0.02 in
  settle resolver;
  let+ settled = awaiting in
  check_bool "as it was settled" true (settled = expected)

(* The promise is settled before the worker polls it, or meanwhile. *)
let settled_on_the_way () =
  let rec again n =
    if n = 0 then Lwt.return_unit
    else
      let _, resolver, awaiting = pending_elsewhere () in
      let* () = pauses (n mod 4) in
      Lwt.wakeup resolver n;
      let* settled = awaiting in
      check_bool "as it was settled" true (settled = Ok n);
      again (n - 1)
  in
  again 200

(* The worker may drop its promise a little later. *)
let rec none_is_left patience =
  let live = Lwt_rust.Debug.live () in
  if live.promises > 0 && patience > 0 then
    let* () = Lwt_unix.sleep 0.01 in
    none_is_left (patience - 1)
  else Lwt.return (check_int "promises" 0 live.promises)

let dropped_elsewhere ~looks () =
  let promise, _ = Lwt.task () in
  let* () = F.drop_elsewhere (fun () -> promise) looks false in
  let* cancelled = result promise in
  check_bool "cancelled" true (cancelled = Error Lwt.Canceled);
  none_is_left 500

let detached_elsewhere ~looks () =
  let promise, resolver = Lwt.task () in
  let* () = F.drop_elsewhere (fun () -> promise) looks true in
  let* () = Lwt_unix.sleep 0.02 in
  check_bool "pending" true (Lwt.is_sleeping promise);
  let+ () = none_is_left 500 in
  Lwt.wakeup resolver 5

(* Another thread or domain settles a Lwt promise. Lwt forbids that, but Rust must not lose
   the result. *)
let settled_by how () =
  let promise, resolver = Lwt.wait () in
  let awaiting = Rust.sum (fun _ -> promise) 1 in
  let* () = pauses 3 in
  how (fun () -> Lwt.wakeup resolver 5);
  let+ n = awaiting in
  check_int "what it was settled with" 5 n

let () =
  Alcotest.run "waits"
    [
      ( "at once",
        [
          case "a task goes on" goes_on_at_once;
          case "many in one turn" many_go_on_in_one_turn;
          case "within a closure" within_a_closure;
        ] );
      ( "by somebody else",
        [
          case "another task" (by_somebody_else F.await_in_another_task);
          case "another waker" (by_somebody_else F.await_through_another_waker);
          case "nobody, for an exception" interrupted;
        ] );
      ("wakers", [ case "of tasks that are gone" gone_tasks_are_woken ]);
      ( "elsewhere",
        [
          case "resolved" (settled_elsewhere (fun u -> Lwt.wakeup u 3) (Ok 3));
          case "settled on the way" settled_on_the_way;
          case "dropped" (dropped_elsewhere ~looks:false);
          case "dropped when it was looked at" (dropped_elsewhere ~looks:true);
          case "detached" (detached_elsewhere ~looks:false);
          case "detached when it was looked at" (detached_elsewhere ~looks:true);
          case "rejected"
            (settled_elsewhere (fun u -> Lwt.wakeup_exn u Exit) (Error Exit));
        ] );
      ( "settled by",
        [
          case "another thread of the domain"
            (settled_by (fun f -> Thread.join (Thread.create f ())));
        ]
        @ left_out starts_a_domain
            [
              case "another domain"
                (settled_by (fun f -> Domain.join (Domain.spawn f)));
            ] );
      ( "made by OCaml",
        [
          case "settled before" settled_before;
          case "dropped" dropped_unsettled;
          case "of another kind" not_of_this_kind;
        ]
        @ left_out starts_a_domain given_closures
        @ left_out starts_a_domain
            [
              case "resolved in a domain"
                (settled_in_a_domain false resolves is_eight);
              case "resolved in a domain, for a worker"
                (settled_in_a_domain true resolves is_eight);
              case "rejected in a domain"
                (settled_in_a_domain false rejects is_exit);
              case "awaited in a domain" awaited_in_a_domain;
            ] );
    ]
