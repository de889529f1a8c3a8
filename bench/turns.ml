(* A turn of the loop in which Rust calls a Lwt closure and awaits its promise,
   beside a turn of a bare loop over [Lwt.pause], in alternating rounds.

   turns.exe            compares, and prints a line for each thing measured
   turns.exe lwt N      runs N turns of the bare loop, for strace and the like
   turns.exe rust N     runs N turns of the Rust task *)

open Lwt.Syntax

let rust turns = Demo.call_times Lwt.pause turns

let rec lwt turns =
  if turns = 0 then Lwt.return_unit
  else
    let* () = Lwt.pause () in
    lwt (turns - 1)

let nanoseconds_a_turn run turns =
  let start = Unix.gettimeofday () in
  Lwt_main.run (run turns);
  (Unix.gettimeofday () -. start) *. 1e9 /. float_of_int turns

let median list = List.nth (List.sort Float.compare list) (List.length list / 2)

let compare_turns ~rounds ~turns =
  let times =
    List.init rounds (fun _ ->
        let bare = nanoseconds_a_turn lwt turns in
        (bare, nanoseconds_a_turn rust turns))
  in
  let median_of f = median (List.map f times) in
  Printf.printf
    "turn rounds=%d turns=%d lwt_ns=%.0f rust_ns=%.0f ratio=%.2f\n%!" rounds
    turns (median_of fst) (median_of snd)
    (median_of (fun (bare, rust) -> rust /. bare))

(* Of this process, from the second number in /proc/self/statm, in pages. *)
let resident_kb () =
  let line = In_channel.with_open_bin "/proc/self/statm" In_channel.input_all in
  Scanf.sscanf line "%d %d" (fun _ pages -> pages * 4)

let growth () =
  let before = Lwt_rust.Runtime.notifications () in
  Lwt_main.run (rust 250_000);
  let quarter = resident_kb () in
  Lwt_main.run (rust 750_000);
  Printf.printf
    "growth turns=1000000 resident_kb_at_250000=%d resident_kb_at_1000000=%d \
     notifications=%d\n\
     %!"
    quarter (resident_kb ())
    (Lwt_rust.Runtime.notifications () - before)

let () =
  match Sys.argv with
  | [| _ |] ->
      compare_turns ~rounds:15 ~turns:100_000;
      growth ()
  | [| _; "lwt"; turns |] -> Lwt_main.run (lwt (int_of_string turns))
  | [| _; "rust"; turns |] -> Lwt_main.run (rust (int_of_string turns))
  | _ ->
      prerr_endline "usage: turns.exe [lwt TURNS | rust TURNS]";
      exit 2
