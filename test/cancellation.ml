(* Cancellation both ways. *)

open Lwt.Syntax
open Support

let check_live expected =
  let+ live = Rust.live () in
  check_int "live futures" expected live

let check_canceled promise =
  let+ result = result promise in
  match result with
  | Error Lwt.Canceled -> ()
  | Error exn -> raise exn
  | Ok _ -> Alcotest.fail "expected a rejection"

let cancel_drops_the_future () =
  let promise = Rust.for_ever () in
  let* () = check_live 1 in
  Lwt.cancel promise;
  let* () = check_canceled promise in
  let* () = pauses 2 in
  check_live 0

let pick_drops_the_loser () =
  let* () = Lwt.pick [ Rust.for_ever (); Rust.sleep 1 () ] in
  let* () = pauses 2 in
  check_live 0

let cancel_after_completion () =
  let promise = Rust.yield 1 5 in
  let* n = promise in
  Lwt.cancel promise;
  check_int "value" 5 n;
  check_bool "still resolved" true (Lwt.state promise = Lwt.Return 5);
  Lwt.return_unit

let cancel_twice () =
  let promise = Rust.for_ever () in
  Lwt.cancel promise;
  Lwt.cancel promise;
  let* () = check_canceled promise in
  let* () = pauses 2 in
  check_live 0

(* A closure that a future calls cancels the future, while the future is polled. *)
let cancel_during_poll start () =
  let promise = ref Lwt.return_unit in
  promise :=
    start (fun () ->
        Lwt.cancel !promise;
        Lwt.return_unit);
  let* () = check_canceled !promise in
  let* () = pauses 2 in
  let* () = check_live 0 in
  (* The slot is free for other calls, and a late result does not reach them. *)
  let+ values = Lwt.all (List.init 20 (fun i -> Rust.yield 2 i)) in
  check_bool "others" true (values = List.init 20 Fun.id)

let cancel_of_a_completion_that_waits_to_be_read () =
  let first = Rust.yield 1 () and second = Rust.yield 1 () in
  Lwt.on_success first (fun () -> Lwt.cancel second);
  let* () = first in
  let* () = check_canceled second in
  let+ n = Rust.yield 2 3 in
  check_int "another" 3 n

let never () = fst (Lwt.task ())

let dropped_promise_cancels ~on_tokio () =
  let called, resolver = Lwt.wait () in
  let f () =
    let promise = never () in
    Lwt.wakeup resolver promise;
    promise
  in
  let* () = Rust.drop_promise f on_tokio in
  (* The closure is called after the function has returned, since a worker calls it. *)
  Lwt.bind called check_canceled

let cancelled_call_cancels_what_it_awaits () =
  let awaited = never () in
  let promise = Rust.await awaited in
  let* () = Lwt.pause () in
  Lwt.cancel promise;
  let* () = check_canceled promise in
  let* () = pauses 3 in
  check_canceled awaited

let detached_promise_goes_on ~on_thread () =
  let promise = ref Lwt.return_unit in
  let closure () =
    promise := never ();
    !promise
  in
  let* () = Rust.detach_promise closure on_thread in
  let+ () = pauses 3 in
  check_bool "pending" true (is_pending !promise)

let ignored_promise () =
  let dropped = never () and detached = never () in
  let* () = Rust.leave_unpolled dropped false in
  let* () = Rust.leave_unpolled detached true in
  let* () = pauses 2 in
  check_bool "detached" true (is_pending detached);
  check_canceled dropped

let settled_when_the_reader_is_gone () =
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable promise in
  let* () = Lwt.pause () in
  Lwt.cancel awaiting;
  let* () = pauses 2 in
  Lwt_rust.Promise.resolve promise 1;
  match Lwt_rust.Promise.resolve promise 2 with
  | () -> Alcotest.fail "expected an exception"
  | exception Invalid_argument _ -> Lwt.return_unit

let scoped_work_is_aborted () =
  let promise = Rust.scoped () in
  let* () = Lwt_unix.sleep 0.01 in
  Lwt.cancel promise;
  let* () = check_canceled promise in
  (* tokio drops the future on its own thread. *)
  let rec until_dropped patience =
    let* live = Rust.live () in
    if live = 0 || patience = 0 then check_live 0
    else
      let* () = Lwt_unix.sleep 0.005 in
      until_dropped (patience - 1)
  in
  until_dropped 1000

let protected_call_goes_on () =
  let called, resolver = Lwt.wait () in
  let promise =
    Rust.protected 5 (fun () ->
        Lwt.wakeup resolver ();
        Lwt.return_unit)
  in
  Lwt.cancel promise;
  let* () = check_canceled promise in
  let* () = check_live 1 in
  let* () = called in
  let* () = pauses 2 in
  check_live 0

let cancel_races_with_resolving () =
  let once n =
    let source, resolver = Lwt.task () in
    let promise = Rust.await source in
    let* () = Lwt.pause () in
    let first, second =
      if n land 1 = 0 then
        ((fun () -> Lwt.wakeup resolver n), fun () -> Lwt.cancel promise)
      else ((fun () -> Lwt.cancel promise), fun () -> Lwt.wakeup resolver n)
    in
    first ();
    second ();
    (* The first of the two decides. *)
    let* () =
      if n land 1 = 0 then Lwt.map (check_int "value" n) promise
      else check_canceled (Lwt.map ignore promise)
    in
    pauses 2
  in
  let* () = once 0 in
  let* () = once 1 in
  check_live 0

(* [Lwt.cancel] drops the futures before it returns, even if they are many. *)
let dropped_at_once () =
  let calls = List.init 10_000 (fun _ -> Rust.for_ever ()) in
  let* () = check_live 10_000 in
  let picked = Lwt.pick (Lwt.return_unit :: calls) in
  let* () = check_live 0 in
  let calls = List.init 10_000 (fun _ -> Rust.for_ever ()) in
  List.iter Lwt.cancel calls;
  let* () = check_live 0 in
  picked

(* A callback of [Lwt.on_cancel] raises, and so does [Lwt.async_exception_hook]. Then Lwt
   runs no more callbacks: neither ours of the same promise, nor those of the promises
   that are cancelled with it. *)
let callbacks_and_a_hook_that_raise () =
  let raise_there cancel =
    let hook = !Lwt.async_exception_hook in
    Fun.protect ~finally:(fun () -> Lwt.async_exception_hook := hook)
    @@ fun () ->
    (Lwt.async_exception_hook := fun exn -> raise exn);
    match cancel () with
    | () -> Alcotest.fail "expected Exit"
    | exception Exit -> ()
  in
  let raising () =
    let promise = Rust.for_ever () in
    Lwt.on_cancel promise (fun () -> raise Exit);
    promise
  in
  let cancelled = raising () in
  raise_there (fun () -> Lwt.cancel cancelled);
  let picked = Lwt.pick (List.init 10 (fun _ -> raising ())) in
  raise_there (fun () -> Lwt.cancel picked);
  let others = List.init 10 (fun n -> Rust.sleep 20 n) in
  Gc.full_major ();
  let rec until_dropped patience =
    let* live = Rust.live () in
    if live = 0 || patience = 0 then check_live 0
    else
      let* () = Lwt_unix.sleep 0.005 in
      until_dropped (patience - 1)
  in
  let* () = until_dropped 1000 in
  (* Other calls were not cancelled. *)
  let+ values = Lwt.all others in
  check_bool "others" true (values = List.init 10 Fun.id)

let dropped_local_task () =
  let* () = Rust.drop_task () in
  let* () = pauses 2 in
  check_live 0

let () =
  Alcotest.run "cancellation"
    [
      ( "Lwt cancels Rust",
        [
          case "cancel drops the future" cancel_drops_the_future;
          case "pick drops the loser" pick_drops_the_loser;
          case "after completion" cancel_after_completion;
          case "twice" cancel_twice;
          case "many at once" dropped_at_once;
          case "races with resolving" cancel_races_with_resolving;
          case "scoped work on tokio is aborted" scoped_work_is_aborted;
          case "a protected call goes on" protected_call_goes_on;
          case "during a poll that then waits"
            (cancel_during_poll Rust.call_and_wait);
          case "during a poll that then completes"
            (cancel_during_poll Rust.call_and_return);
          case "a completion that waits to be read"
            cancel_of_a_completion_that_waits_to_be_read;
        ] );
      ( "Rust cancels Lwt",
        [
          case "a promise dropped in the domain"
            (dropped_promise_cancels ~on_tokio:false);
          case "a promise dropped on a worker"
            (dropped_promise_cancels ~on_tokio:true);
          case "a cancelled call cancels what it awaits"
            cancelled_call_cancels_what_it_awaits;
          case "a detached promise goes on"
            (detached_promise_goes_on ~on_thread:false);
          case "a promise detached before it was known goes on"
            (detached_promise_goes_on ~on_thread:true);
          case "a promise is settled when its reader is gone"
            settled_when_the_reader_is_gone;
          case "a promise that Rust does not look at" ignored_promise;
          case "a dropped local task" dropped_local_task;
        ] );
      (* This is the last case, since the exception leaves Lwt in the middle of its work. *)
      ( "callbacks",
        [
          case "callbacks and a hook that raise" callbacks_and_a_hook_that_raise;
        ] );
    ]
