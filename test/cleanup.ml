(* What nobody can settle any more rejects, and what nobody needs any more is
   released, wherever that happens. *)

open Lwt.Syntax
open Support

let abandoned () =
  expect "abandoned" (Rust.abandon ()) (fun exn -> exn = Lwt_rust.Abandoned)

(* The promise that OCaml made is collected: nobody can settle it. *)
let collected_promise () =
  let awaiting = Rust.await_promise (Lwt_rust.Promise.create ()) in
  let* () = Lwt.pause () in
  Gc.full_major ();
  expect "abandoned" awaiting (fun exn -> exn = Lwt_rust.Abandoned)

let settle_all () =
  let* () = pauses 3 in
  Gc.full_major ();
  (* Values that were dropped on other threads go with the next poll. *)
  pauses 3

(* [releases name f] does [f] 100 times, and nothing of it is left. *)
let releases name f =
  let* () = f () in
  let* () = settle_all () in
  let before = Lwt_rust.Runtime.live () in
  let rec repeat n =
    if n = 0 then Lwt.return_unit
    else
      let* () = f () in
      repeat (n - 1)
  in
  let* () = repeat 100 in
  (* Of what was before, something may still have been about to go. *)
  let rec until_gone patience =
    let* () = settle_all () in
    let after = Lwt_rust.Runtime.live () in
    let more what count =
      let n = count after - count before in
      if n > 0 then Some (Printf.sprintf "%d more %s" n what) else None
    in
    let all_more =
      List.filter_map Fun.id
        Lwt_rust.Runtime.
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
      let awaiting = Rust.await_promise settled in
      Lwt_rust.Promise.resolve settled (ref 0);
      let* _ = awaiting in
      let cancelled = Rust.await_promise (Lwt_rust.Promise.create ()) in
      Lwt.cancel cancelled;
      Lwt.map ignore (result cancelled))

let domains () =
  releases "domains" (fun () ->
      Domain.join
        (Domain.spawn (fun () ->
             Lwt_rust.Executor.run (fun () -> Rust.Raw.leave_task (ref 0));
             ignore
               (Lwt_rust.Executor.run (fun () -> Rust.Raw.yield 2 (ref 0))
                 : int ref)));
      Lwt.return_unit)

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
          case "calls that ended" ended_calls;
          case "calls that were cancelled" cancelled_calls;
          case "timers that were cancelled" cancelled_sleeps;
          case "closures that tokio's threads had" closures_on_tokio;
          case "calls that panicked" panics;
          case "promises of OCaml's" promises;
          case "domains that ended" domains;
        ] );
    ]
