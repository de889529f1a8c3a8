(* Everything at once, for a time: stress.exe [SECONDS]

   Tokio's threads and four domains against the Lwt loop, with collections,
   cancellations and panics; then everything has to be as it was. *)

open Lwt.Syntax
open Support

exception Wrong of string

let check name condition = if not condition then raise (Wrong name)
let fibres = 32
let domains = 4
let turns n = Lwt.map (fun () -> n) (Lwt.pause ())

let panics promise =
  let+ result = result promise in
  match result with
  | Error (Lwt_rust.Panic _) -> ()
  | Error exn -> raise exn
  | Ok () -> raise (Wrong "a panic")

(* Cancelled after a random number of turns, if it has not ended by then. *)
let cancelled promise =
  let* () = pauses (Random.int 4) in
  Lwt.cancel promise;
  let+ result = result promise in
  match result with Ok _ | Error Lwt.Canceled -> () | Error exn -> raise exn

let on_lwt () =
  match Random.int 14 with
  | 0 -> Lwt.map (fun n -> check "yield" (n = 1)) (Rust.yield 3 1)
  | 1 -> Lwt.map (fun n -> check "spawn" (n = 2)) (Rust.spawn 2)
  | 2 -> Lwt.map (fun n -> check "sum" (n = 45)) (Rust.sum turns 10)
  | 3 -> Lwt.map (fun n -> check "tokio" (n = 45)) (Rust.sum_on_tokio turns 10)
  | 4 -> Lwt.map (fun n -> check "storm" (n = 4950)) (Rust.storm 100)
  | 5 -> Lwt.map (fun n -> check "tasks" (n = 45)) (Rust.sum_of_tasks turns 10)
  | 6 -> panics (Rust.unwind (Random.bool ()))
  | 7 -> cancelled (Rust.for_ever ())
  | 8 -> cancelled (Rust.sum_on_tokio turns 20)
  | 9 -> cancelled (Rust.scoped ())
  | 10 -> cancelled (Rust.await (fst (Lwt.task ())))
  | 11 -> Lwt.map (fun n -> check "herd" (n = 500)) (Rust.herd 500)
  | 12 ->
      let promise = Lwt_rust.Promise.create () in
      let awaiting = Rust.await_promise promise in
      let* () = Lwt.pause () in
      Lwt_rust.Promise.resolve promise "x";
      Lwt.map (fun s -> check "promise" (s = "x")) awaiting
  | _ -> Rust.sleep (Random.int 3) ()

let in_a_domain () =
  let run = Lwt_rust.Executor.run in
  match Random.int 7 with
  | 0 -> check "yield" (run (fun () -> Rust.Raw.yield 3 1) = 1)
  | 1 -> check "spawn" (run (fun () -> Rust.Raw.spawn 2) = 2)
  | 2 -> check "sum" (run (fun () -> Rust.Raw.sum Lwt.return 10) = 45)
  | 3 -> check "lwt" (Lwt_rust.Executor.run_in_lwt (fun () -> turns 4) = 4)
  | 4 ->
      let call () = Rust.Raw.call_in_lwt_from_tokio turns 5 in
      check "tokio" (run call = 5)
  | 5 -> (
      match run (fun () -> Rust.Raw.unwind true) with
      | () -> raise (Wrong "a panic")
      | exception Lwt_rust.Panic _ -> ())
  | _ -> run (fun () -> Rust.Raw.leave_task (ref 0))

let counted = Atomic.make 0
let domains_ended = Atomic.make 0

let rec until deadline f =
  if Unix.gettimeofday () < deadline then (
    let* () = f () in
    Atomic.incr counted;
    until deadline f)
  else Lwt.return_unit

(* Short lives, one after the other. *)
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

let work seconds =
  let deadline = Unix.gettimeofday () +. seconds in
  Lwt.join
    (until deadline collect
    :: (List.init fibres (fun _ -> until deadline on_lwt)
       @ List.init domains (fun _ ->
             until deadline (fun () -> a_domain deadline))))

(* What was dropped on other threads, or waits for a collection, may take a
   little longer. *)
let rec live_when_quiet patience expected =
  Gc.full_major ();
  let live = Lwt_rust.Runtime.live () in
  if live = expected || patience = 0 then Lwt.return live
  else
    let* () = Lwt_unix.sleep 0.02 in
    live_when_quiet (patience - 1) expected

let show { Lwt_rust.Runtime.tasks; promises; roots; descriptors } =
  Printf.sprintf "tasks=%d promises=%d roots=%d descriptors=%d" tasks promises
    roots descriptors

(* [trimmed] is without what the C library's allocator keeps of free memory. *)
let show_memory () =
  let kilobytes = resident () in
  Rust_functions.trim ();
  Printf.sprintf "resident_kb=%d trimmed_kb=%d" kilobytes (resident ())

let main seconds =
  let nothing =
    { Lwt_rust.Runtime.tasks = 0; promises = 0; roots = 0; descriptors = 0 }
  in
  Lwt_rust.Runtime.start ();
  (* What stays for good is there after a while. *)
  let* () = work (seconds /. 10.) in
  let* before = live_when_quiet 20 nothing in
  let before = { before with tasks = 0; promises = 0 } in
  Printf.printf "before    %s %s\n%!" (show before) (show_memory ());
  Atomic.set counted 0;
  Atomic.set domains_ended 0;
  let quarter n =
    let* () = work (seconds /. 4.) in
    let+ live = live_when_quiet 500 before in
    Printf.printf "after %d/4 %s %s operations=%d domains=%d\n%!" n (show live)
      (show_memory ()) (Atomic.get counted) (Atomic.get domains_ended)
  in
  let* () = Lwt_list.iter_s quarter [ 1; 2; 3; 4 ] in
  let+ after = live_when_quiet 500 before in
  check "as it was" (after.tasks = 0 && after.promises = 0);
  check "no descriptors more" (after.descriptors <= before.descriptors);
  check "no roots more" (after.roots <= before.roots)

let () =
  let seconds =
    if Array.length Sys.argv > 1 then float_of_string Sys.argv.(1) else 600.
  in
  Lwt_rust.Runtime.(configure (Multi_thread { workers = Some 8 }));
  Lwt_main.run (main seconds)
