(* A promise that nothing can settle any more is rejected, and values that are not needed
   any more are released, on any thread. *)

open Lwt.Syntax
open Support

let abandoned () =
  expect "abandoned" (Rust.abandon ()) (fun exn -> exn = Lwt_rust.Abandoned)

(* OCaml's collector finalises a promise that OCaml has made and not settled. *)
let collected_promise () =
  let awaiting = Rust.await_portable (Lwt_rust.Promise.create ()) in
  let* () = Lwt.pause () in
  Gc.full_major ();
  expect "abandoned" awaiting (fun exn -> exn = Lwt_rust.Abandoned)

let settle_all () =
  let* () = pauses 3 in
  Gc.full_major ();
  (* The next poll frees the values that other threads have dropped. *)
  pauses 3

(* [releases name f] calls [f] 100 times, and checks that nothing is left. *)
let releases name f =
  let* () = f () in
  let* () = settle_all () in
  let before = Lwt_rust.Debug.live () in
  let rec repeat n =
    if n = 0 then Lwt.return_unit
    else
      let* () = f () in
      repeat (n - 1)
  in
  let* () = repeat 100 in
  (* Values of earlier cases may still be released now, so the counts may fall. *)
  let rec until_gone patience =
    let* () = settle_all () in
    let after = Lwt_rust.Debug.live () in
    let more what count =
      let n = count after - count before in
      if n > 0 then Some (Printf.sprintf "%d more %s" n what) else None
    in
    let all_more =
      List.filter_map Fun.id
        Lwt_rust.Debug.
          [
            more "tasks" (fun live -> live.tasks);
            more "promises" (fun live -> live.promises);
            more "roots" (fun live -> live.roots);
            more "descriptors" (fun live -> live.descriptors);
          ]
    in
    if all_more = [] then Lwt.return_unit
    else if patience = 0 then
      Alcotest.failf "%s: %s" name (String.concat ", " all_more)
    else
      let* () = Lwt_unix.sleep 0.01 in
      until_gone (patience - 1)
  in
  until_gone 300

let ended_calls () =
  releases "calls" (fun () ->
      let* _ = Rust.yield 2 (ref 0) in
      Lwt.map ignore (result (Rust.fail true)))

let cancelled_calls () =
  releases "cancelled calls" (fun () ->
      let source, _ = Lwt.task () in
      let call = Rust.await source in
      let* () = Lwt.pause () in
      Lwt.cancel call;
      let* _ = result call in
      Lwt.return_unit)

let cancelled_sleeps () =
  releases "sleeps" (fun () ->
      let call = Rust.sleep 600_000 (ref 0) in
      Lwt.cancel call;
      Lwt.map ignore (result call))

let closures_on_tokio () =
  releases "closures of tokio's threads" (fun () ->
      Lwt.map ignore
        (Rust.sum_on_tokio (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 3))

let panics () =
  releases "panics" (fun () ->
      let* _ = result (Rust.panic true) in
      Lwt.map ignore (result (Rust.panic_in_drop true)))

let promises () =
  releases "promises" (fun () ->
      let settled = Lwt_rust.Promise.create () in
      let awaiting = Rust.await_portable settled in
      Lwt_rust.Promise.resolve settled (ref 0);
      let* _ = awaiting in
      let cancelled = Rust.await_portable (Lwt_rust.Promise.create ()) in
      Lwt.cancel cancelled;
      Lwt.map ignore (result cancelled))

let domains () =
  releases "domains" (fun () ->
      Domain.join
        (Domain.spawn (fun () ->
             Lwt_rust.Executor.run (fun () -> Rust.Call.leave_task (ref 0));
             ignore
               (Lwt_rust.Executor.run (fun () -> Rust.Call.yield 2 (ref 0))
                 : int ref)));
      Lwt.return_unit)

(* The executor keeps the memory of a future for the next future of the same size. Here
   futures of two sizes end in turn, by themselves or cancelled, and the destructor of
   each makes new futures. *)
let destructors_that_call () =
  let calls = ref [] and ended = ref 0 in
  let call i turns at_end =
    let hold = if i mod 3 = 0 then Rust.hold_much else Rust.hold_little in
    calls := (turns, hold (i land 255) turns at_end) :: !calls
  in
  let never = max_int in
  let rec at_end depth () =
    incr ended;
    if depth > 0 then (
      call !ended 0 ignore;
      call (!ended + 1) 1 (at_end (depth - 1));
      call (!ended + 2) never (at_end (depth - 1)))
  in
  let n = 300 in
  for i = 1 to n do
    call i (if i mod 2 = 0 then never else i mod 4) (at_end 3)
  done;
  let see (turns, call) =
    if turns = never then Lwt.cancel call;
    let+ held = result call in
    let expected = if turns = never then Error Lwt.Canceled else Ok true in
    check_bool "held" true (held = expected)
  in
  let rec see_all made =
    match !calls with
    | [] -> Lwt.return made
    | some ->
        calls := [];
        let* () = Lwt.join (List.map see some) in
        (* A poll drops the futures of the cancelled calls. *)
        let* () = pauses 2 in
        see_all (made + List.length some)
  in
  let* made = see_all 0 in
  (* There are three levels. A destructor makes two calls with such a destructor, and one
     without. *)
  check_int "destructors" (n * (1 + 2 + 4 + 8)) !ended;
  check_int "calls" (n * (1 + 3 + 6 + 12)) made;
  still_works ()

(* The destructor of a connection spawns a task on tokio. *)
let connections elsewhere () =
  let* () = Rust.sleep 1 () in
  let before = Rust.closed () in
  elsewhere (fun () ->
      for _ = 1 to 100 do
        ignore (Sys.opaque_identity (Rust.connection ()))
      done;
      Gc.full_major ();
      Gc.full_major ());
  let rec wait () =
    if Rust.closed () - before >= 100 then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      wait ()
  in
  let+ () = wait () in
  check_int "closed" 100 (Rust.closed () - before)

let () =
  Alcotest.run "cleanup"
    [
      ( "rejects",
        [
          case "a dropped resolver" abandoned;
          case "a collected promise" collected_promise;
        ] );
      ( "releases",
        [
          case "connections of the loop's thread" (connections (fun f -> f ()));
          case "connections of another thread"
            (connections (fun f -> Thread.join (Thread.create f ())));
          case "calls that ended" ended_calls;
          case "calls that were cancelled" cancelled_calls;
          case "timers that were cancelled" cancelled_sleeps;
          case "closures that tokio's threads had" closures_on_tokio;
          case "calls that panicked" panics;
          case "promises of OCaml's" promises;
          case "destructors that make calls" destructors_that_call;
        ]
        @ left_out starts_a_domain
            [
              case "connections of another domain"
                (connections (fun f -> Domain.join (Domain.spawn f)));
              case "domains that ended" domains;
            ] );
    ]
