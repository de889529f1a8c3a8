(* An engine whose iteration runs other OCaml code on the thread of the loop, for any length
   of time. For example, lwt_eio's engine runs fibers. *)

open Lwt.Syntax
open Support

(* Whether the current iteration has to end, because a promise was paused or a callback of
   Lwt's has run. Other code does not end it. *)
let ends = ref false

(* The code that runs in the next iteration that may block. *)
let job = ref ignore

let engine =
  object
    inherit Lwt_engine.select as select

    method! private register_readable descriptor callback =
      select#register_readable descriptor (fun () ->
          callback ();
          ends := true)

    method! private register_timer delay repeats callback =
      select#register_timer delay repeats (fun () ->
          callback ();
          ends := true)

    method! iter may_block =
      ends := not may_block;
      select#iter false;
      while not !ends do
        let now = !job in
        job := ignore;
        now ();
        Unix.sleepf 0.0002;
        select#iter false
      done
  end

let within f =
  let old = Lwt_engine.get () in
  Lwt_engine.set ~transfer:true ~destroy:false engine;
  Lwt.register_pause_notifier (fun _ -> ends := true);
  Fun.protect f ~finally:(fun () ->
      Lwt.register_pause_notifier ignore;
      Lwt_engine.set ~transfer:true ~destroy:false old)

let or_fail promise =
  let late =
    let* () = Lwt_unix.sleep 10. in
    Alcotest.fail "still waiting after 10 seconds"
  in
  Lwt.pick [ late; promise ]

(* [in_iteration f] calls [f] in an iteration that blocks, and waits for its promise. *)
let in_iteration f =
  let result, resolver = Lwt.wait () in
  let run () =
    Lwt.on_any (f ())
      (fun value ->
        Lwt.wakeup resolver value;
        ends := true)
      (fun exn ->
        Lwt.wakeup_exn resolver exn;
        ends := true)
  in
  job := run;
  Lwt_main.run (or_fail result)

let case name body =
  Alcotest.test_case name `Quick (fun () ->
      within (fun () ->
          (* This is the first call, so the executor exists below. *)
          Lwt_main.run (or_fail (Rust.yield 2 ()));
          body ()))

let calls f n () =
  for _ = 1 to 20 do
    check_int "value" n (in_iteration (fun () -> f n))
  done

let pausing n = Lwt.map (fun () -> n) (Lwt.pause ())
let sleeping n = Lwt.map (fun () -> n) (Lwt_unix.sleep 0.001)

let settled_by_other_code () =
  let promise, resolver = Lwt.wait () in
  let awaiting = Rust.await promise in
  Lwt_main.run (pauses 2);
  let value =
    in_iteration (fun () ->
        Lwt.wakeup resolver 5;
        awaiting)
  in
  check_int "value" 5 value

let settled_for_rust () =
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable promise in
  Lwt_main.run (pauses 2);
  let value =
    in_iteration (fun () ->
        Lwt_rust.Promise.resolve promise 5;
        awaiting)
  in
  check_int "value" 5 value

let cancelled_by_other_code () =
  let call = Rust.for_ever () in
  Lwt_main.run (pauses 2);
  let live =
    in_iteration (fun () ->
        Lwt.cancel call;
        Rust.live ())
  in
  check_int "futures" 0 live

let many_at_once () =
  let kinds =
    [|
      Rust.yield 3;
      Rust.sleep 1;
      Rust.spawn;
      Rust.call pausing;
      Rust.call_later sleeping;
      Rust.resolver;
    |]
  in
  let call n = kinds.(n mod Array.length kinds) n in
  let values =
    in_iteration (fun () -> Lwt.all (List.init 1_000 (fun n -> call n)))
  in
  check_bool "values" true (values = List.init 1_000 Fun.id)

(* A turn of a task that awaits one pause after the other needs no notification. *)
let no_notification () =
  let before = (Lwt_rust.Runtime.metrics ()).notifications in
  let sum = Lwt_main.run (or_fail (Rust.sum pausing 1_000)) in
  check_int "sum" 499_500 sum;
  let sent = (Lwt_rust.Runtime.metrics ()).notifications - before in
  check_bool (Printf.sprintf "%d sent" sent) true (sent <= 2)

let () =
  Alcotest.run "engines"
    [
      ( "in an iteration that blocks",
        [
          case "a call that is ready" (calls Rust.ready 1);
          case "a call that yields" (calls (Rust.yield 3) 2);
          case "a timer of tokio's" (calls (Rust.sleep 1) 3);
          case "a worker of tokio's" (calls Rust.spawn 4);
          case "a thread" (calls Rust.resolver 5);
          case "a closure that is ready" (calls (Rust.call Lwt.return) 6);
          case "a closure that pauses" (calls (Rust.call pausing) 7);
          case "a closure that sleeps" (calls (Rust.call_later sleeping) 8);
          case "a promise that other code settles" settled_by_other_code;
          case "a promise for Rust that other code settles" settled_for_rust;
          case "other code cancels a call" cancelled_by_other_code;
          case "many calls at once" many_at_once;
        ] );
      ("turns", [ case "send no notification" no_notification ]);
    ]
