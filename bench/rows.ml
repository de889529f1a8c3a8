open Lwt.Syntax
module Rust = Bench_rust

type t = {
  id : string;
  what : string;
  beside : string;
  limit : float;
  figure : Measure.summary;
  times : (float * float) option;
}

let scaled n = if Measure.is_quick then n / 4 else n

let of_pair id what beside limit { Measure.ratio; subject; baseline } =
  { id; what; beside; limit; figure = ratio; times = Some (subject, baseline) }

let of_figures id what unit limit figures =
  {
    id;
    what;
    beside = unit;
    limit;
    figure = Measure.summary figures;
    times = None;
  }

(* {1 Subjects and baselines, which run [n] times} *)

(* One after the other. *)
let rec repeat f n =
  if n = 0 then Lwt.return_unit
  else
    let* () = f () in
    repeat f (n - 1)

(* [width] at a time. *)
let rec together width f n =
  if n <= 0 then Lwt.return_unit
  else
    let* () = Lwt.join (List.init width (fun _ -> f ())) in
    together width f (n - width)

let turns n = repeat Lwt.pause n
let proof n = Rust.call_times Lwt.pause n

let proof_spawned n =
  let ended, resolver = Lwt.wait () in
  let left = ref n in
  let step (_ : int) =
    decr left;
    if !left = 0 then Lwt.wakeup_later resolver ();
    Lwt.pause ()
  in
  let* () = Rust.call_in_the_background step n in
  ended

let await_ready n = Rust.call_times (fun () -> Lwt.return_unit) n

external nothing : unit -> unit = "lwt_rust_bench_nothing"

let nothings n =
  for _ = 1 to n do
    nothing ()
  done

(* The promises are ignored, since they are settled already. *)
let ready_calls n =
  for _ = 1 to n do
    ignore (Sys.opaque_identity (Rust.ready ()) : unit Lwt.t)
  done

module Stream = Lwt_rust.Stream

let next_of_rust n =
  let stream = Rust.numbers n in
  let rec go () =
    let* item = Stream.next stream in
    match item with Some (_ : int) -> go () | None -> Lwt.return_unit
  in
  go ()

let all_of_rust n = Stream.iter ignore (Rust.numbers n)
let all_of_tokio n = Stream.iter ignore (Rust.numbers_from_tokio n)
let all_of_a_channel n = Stream.iter ignore (Rust.numbers_through_a_channel n)

let read_by_rust n =
  Rust.read (Stream.of_lwt_seq (Lwt_seq.of_seq (Seq.take n (Seq.ints 0))))

(* {2 Bytes} *)

let mebibyte = 1_048_576
let part = lazy (Bytes.create 65_536)

let read_all input =
  let part = Lazy.force part in
  let rec go () =
    let* count = Lwt_io.read_into input part 0 (Bytes.length part) in
    if count = 0 then Lwt.return_unit else go ()
  in
  go ()

let write_all output n =
  let part = Lazy.force part in
  let rec go left =
    if left = 0 then Lwt_io.flush output
    else
      let count = min left (Bytes.length part) in
      let* () = Lwt_io.write_from_exactly output part 0 count in
      go (left - count)
  in
  go (n * mebibyte)

(* By a connection of Lwt's own, with buffers of Lwt's default size. *)
let connect_with_lwt port =
  Lwt_io.open_connection (ADDR_INET (Unix.inet_addr_loopback, port))

let many = lazy (String.make mebibyte 'x')
let shared = lazy (Lwt_rust.Bytes.of_string (Lazy.force many))

let take n =
  let bytes = Lazy.force shared in
  repeat (fun () -> Rust.take bytes) n

let give_back n =
  let bytes = Lazy.force shared in
  repeat (fun () -> Lwt.map ignore (Rust.give_back bytes)) n

let copy_for_rust n =
  let many = Lazy.force many in
  for _ = 1 to n do
    ignore (Sys.opaque_identity (Lwt_rust.Bytes.of_string many))
  done

let copy_in_ocaml n =
  let many = Lazy.force many in
  for _ = 1 to n do
    ignore (Sys.opaque_identity (Bytes.of_string many))
  done

let close input output =
  let* () = Lwt_io.close input in
  Lwt_io.close output

let receive connect n =
  let* input, output = connect (Rust.sending_server (n * mebibyte)) in
  let* () = read_all input in
  close input output

let send connect n =
  let* input, output = connect (Rust.receiving_server (n * mebibyte)) in
  let* () = write_all output n in
  let* (_ : char) = Lwt_io.read_char input in
  close input output

let detach () = Lwt_preemptive.detach ignore ()

(* Waits for a notification that another thread sends. The type of notifications
   is [int] in Lwt 5, and abstract in Lwt 6, where it is an integer too. *)
let notify =
  let waiting = ref None in
  let notification =
    lazy
      (Lwt_unix.make_notification (fun () ->
           Option.iter (fun resolver -> Lwt.wakeup resolver ()) !waiting))
  in
  fun () ->
    let promise, resolver = Lwt.wait () in
    waiting := Some resolver;
    Rust.notify_from_thread (Obj.magic (Lazy.force notification) : int);
    promise

(* {1 Rows} *)

let beside_turn id what limit n run =
  let n = scaled n in
  let row () =
    let baseline () = Measure.lwt turns n in
    [
      of_pair id what "Lwt.pause" limit
        (Measure.pair ~baseline (fun () -> Measure.lwt run n));
    ]
  in
  (id, row)

let beside id what name limit n baseline run =
  let n = scaled n in
  let row () =
    [
      of_pair id what name limit
        (Measure.pair ~baseline:(fun () -> baseline n) (fun () -> run n));
    ]
  in
  (id, row)

let completions =
  let n = scaled 100_000 in
  let row () =
    let sent = ref [] in
    let finish () =
      Lwt_main.run
        (let all = Lwt.join (List.init n (fun _ -> Rust.behind_gate ())) in
         (* In this time all tasks arrive behind the gate. *)
         let* () = Lwt_unix.sleep 0.5 in
         let notifications = (Lwt_rust.Runtime.metrics ()).notifications in
         let start = Unix.gettimeofday () in
         let opened = Rust.open_gate () in
         let* () = all in
         let+ () = opened in
         let time = Unix.gettimeofday () -. start in
         let more =
           (Lwt_rust.Runtime.metrics ()).notifications - notifications
         in
         sent := (float_of_int more /. float_of_int n) :: !sent;
         time *. 1e9 /. float_of_int n)
    in
    let baseline () = Lwt_main.run (Rust.behind_gate_in_tokio n) in
    let pair = Measure.pair ~rounds:5 ~baseline finish in
    [
      of_pair "completions" "a completion of 100,000 tokio tasks together"
        "tokio alone" 1.5 pair;
      of_figures "completions_sent" "its notifications" "a completion" 0.01
        !sent;
    ]
  in
  ("completions", row)

(* The time of a mebibyte, and the processor time of the loop's thread for it. *)
let transfer id what move =
  let n = scaled 1024 in
  let row () =
    let measured connect =
      let busy = Rust.thread_time () in
      let time = Measure.lwt (move connect) n in
      (time, (Rust.thread_time () -. busy) *. 1e9 /. float_of_int n)
    in
    let busy = ref [] in
    let baseline = ref 0. in
    let bare () =
      let time, its_busy = measured connect_with_lwt in
      baseline := its_busy;
      time
    in
    let rust () =
      let time, its_busy = measured Rust.connect in
      busy := (its_busy /. !baseline) :: !busy;
      time
    in
    let pair = Measure.pair ~rounds:5 ~baseline:bare rust in
    [
      of_pair id what "Lwt_io over Lwt_unix" (1. /. 1.2) pair;
      of_figures (id ^ "_thread") "the processor time of the loop's thread"
        "Lwt_io over Lwt_unix" 0.6 !busy;
    ]
  in
  (id, row)

let resident () =
  let line = In_channel.with_open_bin "/proc/self/statm" In_channel.input_all in
  Scanf.sscanf line "%d %d" (fun _ pages -> pages * 4096)

let settled_resident () =
  Gc.compact ();
  resident ()

let sleeps =
  let n = 10_000 in
  let all sleep () =
    Measure.lwt (fun n -> Lwt.join (List.init n (fun _ -> sleep 0.01))) n
  in
  let row () =
    let grown = ref [] in
    let rust () =
      let before = settled_resident () in
      let time = all Rust.sleep () in
      let more = settled_resident () - before in
      grown := (float_of_int more /. 1e6) :: !grown;
      time
    in
    (* The first round allocates the memory that stays for good, so it does not
       count. *)
    ignore (rust () : float);
    grown := [];
    let bare () =
      (* Like [rust], this begins with a heap that was compacted. *)
      ignore (settled_resident () : int);
      all Lwt_unix.sleep ()
    in
    let pair = Measure.pair ~baseline:bare rust in
    [
      of_pair "sleeps" "10,000 sleeps of 10 ms together" "Lwt_unix.sleep" 0.9
        pair;
      of_figures "sleeps_memory" "memory that they leave" "MB" 5. !grown;
    ]
  in
  ("sleeps", row)

let memory_of_a_call () =
  let n = 100_000 in
  let before = settled_resident () in
  let calls = List.init n (fun _ -> Rust.for_ever ()) in
  let more = settled_resident () - before in
  List.iter Lwt.cancel calls;
  float_of_int more /. float_of_int n

(* {1 Figures from a process of its own} *)

(* These figures depend on the history of the process: whether Rust has added
   its hooks to the loop, and how much memory was in use before. *)
let alone figure =
  match figure with
  | "bare" ->
      (* Another thread makes each system call slower. The process of ["hooks"]
         has one, so this one needs one too. *)
      Lwt_main.run (notify ());
      Measure.lwt turns 100_000
  | "hooks" ->
      Lwt_main.run (Rust.wait ());
      Measure.lwt turns 100_000
  | "memory" -> memory_of_a_call ()
  | _ -> invalid_arg ("there is no figure called " ^ figure)

let in_a_process figure () =
  let command =
    Filename.quote_command Sys.executable_name [ "child"; figure ]
  in
  let channel = Unix.open_process_in command in
  let text = In_channel.input_all channel in
  match Unix.close_process_in channel with
  | WEXITED 0 -> float_of_string (String.trim text)
  | WEXITED _ | WSIGNALED _ | WSTOPPED _ -> failwith (command ^ " has failed")

let memory =
  let row () =
    let figures = List.init 3 (fun _ -> in_a_process "memory" ()) in
    [ of_figures "memory" "a waiting call" "bytes" 1000. figures ]
  in
  ("memory", row)

let hooks =
  let row () =
    let pair =
      (* Two processes differ by more than the cost of the hooks, so there are
         many rounds. *)
      Measure.pair ~rounds:75 ~baseline:(in_a_process "bare")
        (in_a_process "hooks")
    in
    [
      of_pair "hooks" "a turn of a loop that uses no Rust, once it has"
        "one that never has, beside a thread" 1.03 pair;
    ]
  in
  ("hooks", row)

let cost_of_a_poll tasks =
  let polls = scaled 5_000_000 / tasks in
  let run _ = Rust.tasks tasks polls in
  Measure.lwt run 1 /. float_of_int (tasks * polls)

let sizes = [ 1; 10; 100; 1_000; 10_000; 100_000 ]

let scaling () =
  List.map
    (fun tasks ->
      let times = List.init 5 (fun _ -> cost_of_a_poll tasks) in
      (tasks, (Measure.summary times).median))
    sizes

let scaling_row =
  let row () =
    let baseline () = cost_of_a_poll 1 in
    let pair = Measure.pair ~baseline (fun () -> cost_of_a_poll 100_000) in
    [ of_pair "scaling" "a poll, with 100,000 tasks" "with one task" 2. pair ]
  in
  ("scaling", row)

let domains =
  let row () =
    let work () =
      Lwt_rust.Executor.run (fun () -> Rust.Call.tasks 100 (scaled 100_000))
    in
    (* The time that [n] domains need for one share of the work each. The domain
       of the loop waits for them. *)
    let share n () =
      Measure.plain
        (fun n ->
          List.init n (fun _ -> Domain.spawn work) |> List.iter Domain.join)
        n
    in
    let pair = Measure.pair ~rounds:7 ~baseline:(share 1) (share 2) in
    [
      of_pair "domains" "work shared by two domains" "one domain" (1. /. 1.8)
        pair;
    ]
  in
  ("domains", row)

let all =
  [
    beside_turn "proof" "Rust awaits Lwt.pause, a turn" 1.15 50_000 proof;
    beside_turn "proof_spawned" "the same, in a task that Rust spawns" 1.5
      50_000 proof_spawned;
    beside_turn "await_ready" "Rust awaits Lwt.return_unit" 0.12 50_000
      await_ready;
    beside_turn "call_ready" "a call that is ready at once" 0.06 50_000
      (repeat Rust.ready);
    beside "call_ready_external" "the same, without a bind" "a no-op external"
      8. 200_000 (Measure.plain nothings)
      (Measure.plain ready_calls);
    beside_turn "call_wait_1" "a call that waits once, alone" 1.1 50_000
      (repeat Rust.wait);
    beside_turn "call_wait_1000" "the same, 1,000 at a time" 0.3 50_000
      (together 1_000 Rust.wait);
    beside "call_tokio" "a call by way of tokio::spawn"
      "a notification from a thread" 1.05 20_000
      (Measure.lwt (repeat notify))
      (Measure.lwt (repeat Rust.through_tokio));
    completions;
    beside "blocking_1" "a blocking function, alone" "Lwt_preemptive.detach" 0.6
      5_000
      (Measure.lwt (repeat detach))
      (Measure.lwt (repeat Rust.blocking));
    beside "blocking_64" "the same, 64 at a time" "Lwt_preemptive.detach" 0.6
      12_800
      (Measure.lwt (together 64 detach))
      (Measure.lwt (together 64 Rust.blocking));
    beside_turn "stream_next" "an item of a Rust stream, one at a time" 0.5
      50_000 next_of_rust;
    beside_turn "stream_chunk" "the same, in chunks" 0.05 50_000 all_of_rust;
    beside_turn "stream_tokio" "the same, through a channel from a tokio thread"
      0.3 50_000 all_of_tokio;
    beside_turn "stream_channel" "the same, through a channel of lwt_rust" 0.3
      50_000 all_of_a_channel;
    beside_turn "stream_read" "an item of a Lwt_seq, read by Rust" 0.3 50_000
      read_by_rust;
    beside "bytes_share" "a MiB to Rust, not copied" "a call that is ready" 2.
      50_000
      (Measure.lwt (repeat Rust.ready))
      (Measure.lwt take);
    beside "bytes_return" "the same, to Rust and back" "a call that is ready" 5.
      50_000
      (Measure.lwt (repeat Rust.ready))
      (Measure.lwt give_back);
    beside "bytes_copy" "a MiB of a string, copied for Rust" "Bytes.of_string"
      (1. /. 0.8) 1_000
      (Measure.plain copy_in_ocaml)
      (Measure.plain copy_for_rust);
    transfer "io_receive" "a MiB through a channel of Lwt_io" receive;
    transfer "io_send" "a MiB in the other direction" send;
    sleeps;
    memory;
    scaling_row;
    domains;
    hooks;
  ]

let counted =
  let lwt f n = Lwt_main.run (f n) in
  [
    ("lwt", lwt turns);
    ("proof", lwt proof);
    ("proof_spawned", lwt proof_spawned);
    ("await_ready", lwt await_ready);
    ("call_ready", lwt (repeat Rust.ready));
    ("call_wait_1", lwt (repeat Rust.wait));
    ("call_wait_1000", lwt (together 1_000 Rust.wait));
    ("stream_next", lwt next_of_rust);
    ("stream_chunk", lwt all_of_rust);
    ("stream_read", lwt read_by_rust);
    ("call_tokio", lwt (repeat Rust.through_tokio));
    ("blocking_1", lwt (repeat Rust.blocking));
    ( "hooks",
      fun n ->
        Lwt_main.run (Rust.wait ());
        lwt turns n );
  ]
