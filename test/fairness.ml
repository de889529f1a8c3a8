(* Rust does not keep the rest of the program from its turn. *)

open Lwt.Syntax
open Support

(* Counts turns of the loop while [promise] is pending. *)
let turns_during promise =
  let turns = ref 0 in
  let rec count () =
    let* () = Lwt.pause () in
    incr turns;
    count ()
  in
  let counting = count () in
  let+ value = promise in
  Lwt.cancel counting;
  (!turns, value)

let spinning_tasks_leave_turns () =
  let+ turns, () = turns_during (Rust.spin 100 10_000) in
  (* For each poll of the call, a driver polls 16 of the tasks. So there are 160,000 polls,
     and a turn makes about 1,000. *)
  check_bool (Printf.sprintf "%d turns" turns) true (turns > 50)

let timers_fire_while_tasks_spin () =
  let spinning = Rust.spin 10 max_int in
  let start = Unix.gettimeofday () in
  let* () = Lwt_unix.sleep 0.05 in
  let* () = Rust.sleep 50 () in
  let elapsed = Unix.gettimeofday () -. start in
  Lwt.cancel spinning;
  check_bool (Printf.sprintf "%.3f s" elapsed) true (elapsed < 5.);
  let+ n = Rust.yield 3 4 in
  check_int "the executor goes on" 4 n

let ready_awaits_leave_turns () =
  let n = 1_000_000 in
  let* turns, sum = turns_during (Rust.sum Lwt.return n) in
  check_int "sum" (n * (n - 1) / 2) sum;
  check_bool (Printf.sprintf "%d turns" turns) true (turns > 100);
  (* The steps of a call that never waits share turns, too. *)
  let+ turns, sums =
    turns_during (Lwt.all (List.init 1_000 (fun _ -> Rust.sum Lwt.return 100)))
  in
  check_bool "sums" true (List.for_all (( = ) 4950) sums);
  check_bool (Printf.sprintf "%d turns" turns) true (turns < 10)

(* A call that a closure makes is part of the poll that called the closure. *)
let calls_within_calls_leave_turns () =
  let* values =
    Lwt.all (List.init 2_000 (fun i -> Rust.call_later Rust.ready i))
  in
  check_bool "values" true (values = List.init 2_000 Fun.id);
  let n = 300_000 in
  let+ turns, sum = turns_during (Rust.sum Rust.ready n) in
  check_int "sum" (n * (n - 1) / 2) sum;
  check_bool (Printf.sprintf "%d turns" turns) true (turns > 30)

let tasks_woken_at_once_leave_turns () =
  let n = 100_000 in
  let* () = Rust.yield 1 () in
  let+ turns, woken = turns_during (Rust.herd n) in
  check_int "woken" n woken;
  check_bool (Printf.sprintf "%d turns" turns) true (turns > 100)

(* A ticker of 10 ms keeps its pace, give or take a fifth, if a turn takes 2 ms at most.
   The test measures the time of the process, since the machine may be busy. *)
let turns_are_short busy () =
  let busy = busy () in
  let turns = 200 in
  let rec measure n times =
    if n = 0 then Lwt.return times
    else
      let before = Sys.time () in
      let* () = Lwt.pause () in
      measure (n - 1) ((Sys.time () -. before) :: times)
  in
  let* times = measure turns [] in
  Lwt.cancel busy;
  (* One turn in ten may have had a collection to do. *)
  let slowest = List.nth (List.sort Float.compare times) (turns * 9 / 10) in
  check_bool (Printf.sprintf "%g seconds" slowest) true (slowest < 0.002);
  Lwt.return_unit

(* The longest turn of the loop while [promise] is pending, in seconds of the process. *)
let longest_turn promise =
  let longest = ref 0. in
  let rec watch () =
    let before = Sys.time () in
    let* () = Lwt.pause () in
    longest := Float.max !longest (Sys.time () -. before);
    watch ()
  in
  let watching = watch () in
  let+ value = promise in
  Lwt.cancel watching;
  (!longest, value)

(* Fails unless all turns beside [work] are shorter than 40 ms. A machine that is busy with
   something else can make one turn long, so there are three tries. *)
let no_turn_is_long work =
  let rec measure tries =
    let* longest, _ = longest_turn (work 1.) in
    if longest < 0.04 then Lwt.return_unit
    else if tries > 1 then measure (tries - 1)
    else Alcotest.failf "a turn took %g seconds" longest
  in
  measure 3

(* A task that awaits only resources that are ready. A ticker of 10 ms is never late by more
   than 40 ms. *)
let steps_leave_turns steps () =
  let* turns, taken = turns_during (steps 0.3) in
  check_bool (Printf.sprintf "%d steps" taken) true (taken > 1_000);
  check_bool (Printf.sprintf "%d turns" turns) true (turns > 10);
  no_turn_is_long steps

let ready_steps_leave_turns kind = steps_leave_turns (Rust.ready_steps kind)

(* A call within the closure has a budget of its own. *)
let steps_beside_a_closure f = steps_leave_turns (Rust.steps_and_closure f)

(* The first poll of this thread comes below a Rust function. *)
let below_a_function () =
  let leaves_turns n =
    Lwt_main.run
      (Lwt.pick
         [
           ready_steps_leave_turns "semaphore" ();
           (let* () = Lwt_unix.sleep patience in
            Alcotest.fail "still waiting");
         ]);
    n
  in
  check_int "result" 1 (Rust.apply leaves_turns 1)

(* [begin_it] begins something that has always work to do, and goes on for ever. *)
let endless_work_leaves_turns ?(least = 10) begin_it () =
  let for_a_while seconds =
    Lwt.pick [ Lwt_unix.sleep seconds; Lwt.apply begin_it () ]
  in
  let* turns, () = turns_during (for_a_while 1.) in
  check_bool (Printf.sprintf "%d turns" turns) true (turns > least);
  no_turn_is_long for_a_while

let channel capacity use () = use (Lwt_rust.Channel.bounded capacity)

let rust_fills_and_ocaml_reads read (sink, stream) =
  Lwt.join [ Rust.count_into sink max_int true; read stream ]

let rust_fills_and_reads (sink, stream) =
  let sum = Rust.sum_stream stream in
  Lwt.join [ Rust.count_into sink max_int true; Lwt.map ignore sum ]

let ocaml_fills_and_reads (sink, stream) =
  let filled = Lwt_rust.Sink.send_all sink (Rust.numbers max_int) in
  Lwt.join [ filled; Lwt_rust.Stream.iter ignore stream ]

(* Each item takes 0.1 ms, of the process. *)
let work _ =
  let until = Sys.time () +. 0.0001 in
  while Sys.time () < until do
    ()
  done

let a_completion_burst_is_read_in_parts () =
  let n = 5_000 in
  let+ values = Lwt.all (List.init n (fun i -> Rust.yield 1 i)) in
  check_bool "all" true (values = List.init n Fun.id)

let () =
  (* The writer of the fast socket outlives the reader. *)
  Sys.set_signal Sys.sigpipe Signal_ignore;
  Support.run "fairness"
    ~left_out:
      [ (Memcheck, "it measures time"); (Thread_sanitizer, "it measures time") ]
    [
      ( "first",
        [ Alcotest.test_case "below a Rust function" `Quick below_a_function ]
      );
      ( "fairness",
        [
          case "spinning tasks leave turns" spinning_tasks_leave_turns;
          case "timers fire while tasks spin" timers_fire_while_tasks_spin;
          case "ready awaits leave turns" ready_awaits_leave_turns;
          case "calls within calls leave turns" calls_within_calls_leave_turns;
          case "tasks woken at once leave turns" tasks_woken_at_once_leave_turns;
          case "turns are short while tasks spin"
            (turns_are_short (fun () -> Rust.spin 100 max_int));
          case "turns are short during ready awaits"
            (turns_are_short (fun () ->
                 Lwt.map ignore (Rust.sum (fun _ -> Lwt.return 0) max_int)));
          case "a free semaphore leaves turns"
            (ready_steps_leave_turns "semaphore");
          case "a channel leaves turns" (ready_steps_leave_turns "channel");
          case "a ready arm of a select leaves turns"
            (ready_steps_leave_turns "select");
          case "a full channel leaves turns"
            (ready_steps_leave_turns "full channel");
          case "a fast socket leaves turns" (ready_steps_leave_turns "socket");
          case "a budget leaves turns" (ready_steps_leave_turns "budget");
          case "a closure leaves turns" (steps_beside_a_closure ignore);
          case "a closure that calls Rust leaves turns"
            (steps_beside_a_closure (fun () ->
                 ignore (Rust.ready 1 : int Lwt.t)));
          case "steps within steps leave turns"
            (ready_steps_leave_turns "nested");
          case "a channel that Rust fills leaves turns"
            (endless_work_leaves_turns
               (channel 10
                  (rust_fills_and_ocaml_reads (Lwt_rust.Stream.iter ignore))));
          case "a long channel that Rust fills leaves turns"
            (endless_work_leaves_turns
               (channel 1_000
                  (rust_fills_and_ocaml_reads (Lwt_rust.Stream.iter ignore))));
          case "a channel that Rust fills and reads leaves turns"
            (endless_work_leaves_turns (channel 10 rust_fills_and_reads));
          case "a channel that OCaml fills leaves turns"
            (endless_work_leaves_turns (channel 10 ocaml_fills_and_reads));
          case "work with each item leaves turns"
            (endless_work_leaves_turns ~least:2 (fun () ->
                 Lwt_rust.Stream.iter work (Rust.numbers max_int)));
          case "a copy between channels leaves turns"
            (endless_work_leaves_turns (fun () ->
                 Lwt.map ignore (Rust.copy Lwt_io.zero Lwt_io.null)));
          case "settled promises leave turns"
            (ready_steps_leave_turns "promise");
          case "turns are short beside a free semaphore"
            (turns_are_short (fun () ->
                 Lwt.map ignore (Rust.ready_steps "semaphore" 60.)));
          case "a burst of completions is read in parts"
            a_completion_burst_is_read_in_parts;
        ] );
    ]
