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
  let+ turns, () = turns_during (Rust.spin ~tasks:100 1000) in
  (* 100,000 polls, of which a turn may make about 1,000. *)
  check_bool (Printf.sprintf "%d turns" turns) true (turns > 50)

let timers_fire_while_tasks_spin () =
  let spinning = Rust.spin ~tasks:10 max_int in
  let start = Unix.gettimeofday () in
  let* () = Lwt_unix.sleep 0.05 in
  let* () = Rust.sleep 50 () in
  let elapsed = Unix.gettimeofday () -. start in
  Lwt.cancel spinning;
  check_bool (Printf.sprintf "%.3f s" elapsed) true (elapsed < 5.);
  let+ n = Rust.yield 3 4 in
  check_int "the executor goes on" 4 n

let a_completion_burst_is_read_in_parts () =
  let n = 5_000 in
  let+ values = Lwt.all (List.init n (fun i -> Rust.yield 1 i)) in
  check_bool "all" true (values = List.init n Fun.id)

let () =
  Alcotest.run "fairness"
    [
      ( "fairness",
        [
          case "spinning tasks leave turns" spinning_tasks_leave_turns;
          case "timers fire while tasks spin" timers_fire_while_tasks_spin;
          case "a burst of completions is read in parts"
            a_completion_burst_is_read_in_parts;
        ] );
    ]
