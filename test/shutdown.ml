(* A program that shuts Rust down. *)

open Lwt.Syntax
open Support
module C = Lwt_rust.Channel
module K = Lwt_rust.Sink
module S = Lwt_rust.Stream

let threads_of_tokio () =
  match Sys.readdir "/proc/self/task" with
  | exception Sys_error _ -> 0
  | tasks ->
      Array.fold_left
        (fun count task ->
          let file = "/proc/self/task/" ^ task ^ "/comm" in
          match In_channel.with_open_text file In_channel.input_line with
          | Some "lwt_rust" -> count + 1
          | Some _ | None -> count
          | exception Sys_error _ -> count)
        0 tasks

let check name condition =
  if not condition then (
    prerr_endline ("shutdown: not " ^ name);
    exit 1)

let is_abandoned = function
  | Error Lwt_rust.Abandoned -> true
  | Error _ | Ok _ -> false

let is_refused = function
  | Error (Lwt_rust.Error { message; _ }) ->
      String.starts_with ~prefix:"lwt_rust was shut down" message
  | Error _ | Ok _ -> false

let in_another_domain () =
  match Lwt_rust.Executor.run (fun () -> Rust.Call.sleep 600_000 ()) with
  | () -> false
  | exception Lwt_rust.Abandoned -> true

(* One call is pending, and it ends before the timeout. *)
let drain () =
  Lwt_main.run
    (let only = result (Rust.sleep 100 1) in
     let start = Unix.gettimeofday () in
     let* () = Lwt_rust.Runtime.shutdown ~timeout:60. () in
     check "as soon as it could" (Unix.gettimeofday () -. start < 30.);
     let+ only = only in
     check "drained" (only = Ok 1))

(* A closure that Rust calls shuts Rust down. The call that has called it may end first. *)
let drain_from_a_closure () =
  Lwt_main.run
    (let asked = ref Lwt.return_unit in
     let ask () =
       asked := Lwt_rust.Runtime.shutdown ~timeout:60. ();
       Lwt_unix.sleep 0.05
     in
     let* called = result (Rust.call_later ask ()) in
     check "drained" (called = Ok ());
     !asked)

(* Rust is shut down in the first poll of a call, before the call has a task. *)
let in_a_first_poll shut_down =
  let is_called = ref false in
  let closure () =
    is_called := true;
    shut_down ()
  in
  let call = Rust.call_at_once_and_wait closure in
  check "called" !is_called;
  check "abandoned" (Lwt.state call = Fail Lwt_rust.Abandoned);
  let live = Lwt_rust.Debug.live () in
  check "without tasks" (live.tasks = 0 && live.promises = 0);
  let late = Rust.yield 1 () in
  check "refused" (is_refused (Lwt_main.run (result late)))

let shut_down () = Lwt_main.run (Lwt_rust.Runtime.shutdown ~timeout:0. ())
let by_the_first_poll () = in_a_first_poll shut_down

let beside_a_first_poll () =
  in_a_first_poll (fun () -> Thread.join (Thread.create shut_down ()))

let run () =
  Lwt_main.run
    (let* () = Rust.leave_task (ref 0) in
     let* live = Rust.live () in
     check "without counted futures" (live = 0);
     let protected = ref false in
     let short = result (Rust.sleep 100 1) in
     let cancelled =
       Rust.protected 50 (fun () ->
           let+ () = Lwt_unix.sleep 0.1 in
           protected := true)
     in
     Lwt.cancel cancelled;
     let awaited = fst (Lwt.task ()) in
     let long = result (Rust.await awaited) in
     let other = Domain.spawn in_another_domain in
     let* () = Lwt_unix.sleep 0.05 in
     check "with threads" (threads_of_tokio () > 0);
     let start = Unix.gettimeofday () in
     let* () = Lwt_rust.Runtime.shutdown ~timeout:0.5 () in
     check "in time" (Unix.gettimeofday () -. start > 0.4);
     let* short = short and* long = long in
     check "drained" (short = Ok 1);
     check "protected" !protected;
     check "aborted" (is_abandoned long);
     check "cancelled" (Lwt.state awaited = Fail Lwt.Canceled);
     check "aborted in another domain" (Domain.join other);
     let live = Lwt_rust.Debug.live () in
     check "without tasks" (live.tasks = 0 && live.promises = 0);
     check "joined" (threads_of_tokio () = 0);
     check "without blocking" (Rust.is_blocking_abandoned ());
     let* () = Lwt_rust.Runtime.shutdown () in
     let* late = result (Rust.ready 1) in
     check "refused" (is_refused late);
     (match Lwt_rust.Runtime.start () with
     | () -> check "refused to start" false
     | exception exn -> check "refused to start" (is_refused (Error exn)));
     Lwt.return_unit)

(* {1 Streams, sinks and channels} *)

(* The first one waits for Rust, and Rust refuses the one behind it. *)
let check_waiting name first second =
  let* first = first and* second = second in
  check (name ^ " that waits abandoned") (is_abandoned first);
  check (name ^ " behind it refused") (is_refused second);
  Lwt.return_unit

let check_refused name promise =
  let+ result = result promise in
  check (name ^ " refused") (is_refused result)

let streams_of_rust's () =
  let waiting = Rust.silence () and idle = Rust.silence () in
  let first = result (S.next waiting) in
  let second = result (S.next_chunk 3 waiting) in
  let mapped = S.map Fun.id (Rust.silence ()) in
  let third = result (S.next mapped) in
  fun () ->
    let* () = check_waiting "a reader" first second in
    let* third = third in
    check "a reader of a map abandoned" (is_abandoned third);
    let* () = check_refused "a reader" (S.next waiting) in
    let* () = check_refused "a reader" (S.to_list idle) in
    check "streams" (Rust.alive () > 0);
    S.close waiting;
    S.close idle;
    let* after = S.next waiting in
    check "the end" (after = None);
    Lwt.return_unit

let sinks_of_rust's () =
  let sink = Rust.slow_sink 1_000. in
  let sent = K.feed sink 1 in
  check "sent" (Lwt.state sent = Return ());
  let second = result (K.feed sink 2) in
  let third = result (K.feed sink 3) in
  let closing = result (K.close (Rust.slow_sink 1_000.)) in
  let idle = Rust.slow_sink 1_000. in
  let flushing = K.send idle 1 in
  let flushing = result (Lwt.bind flushing (fun () -> K.flush idle)) in
  fun () ->
    let* () = check_waiting "a sender" second third in
    let* flushing = flushing in
    check "a flush abandoned" (is_abandoned flushing);
    let* closing = closing in
    check "an empty sink closed" (closing = Ok ());
    let* () = check_refused "a sender" (K.feed sink 4) in
    check "no sender"
      (match K.try_send idle 4 with
      | (_ : bool) -> false
      | exception exn -> is_refused (Error exn));
    check_refused "a close" (K.close sink)

let channels make () =
  let sink, stream = make () in
  let* () = K.send sink 1 in
  let second = result (K.send sink 2) in
  let third = result (K.send sink 3) in
  let other_sink, other_stream = make () in
  let first_reader = result (S.next other_stream) in
  let second_reader = result (S.next other_stream) in
  Lwt.return (fun () ->
      let* () = check_waiting "a sender to a channel" second third in
      let* () =
        check_waiting "a reader of a channel" first_reader second_reader
      in
      let* () = check_refused "a reader of a channel" (S.next stream) in
      let* () = check_refused "a sender to a channel" (K.send other_sink 1) in
      S.close stream;
      check_refused "a close of a channel" (K.close sink))

(* A stream and a sink of OCaml's, which Rust waits for. *)
let of_ocaml () =
  let asked, ask = Lwt.wait () and got, get = Lwt.wait () in
  let item = fst (Lwt.task ()) and sent = fst (Lwt.task ()) in
  let give () =
    Lwt.wakeup_later ask ();
    item
  and take (_ : int) =
    Lwt.wakeup_later get ();
    sent
  in
  let are_cancelled () =
    Lwt.state item = Fail Lwt.Canceled && Lwt.state sent = Fail Lwt.Canceled
  in
  let closed = ref 0 in
  let on_close () = incr closed in
  let stream = S.from ~on_close give in
  let sink = K.make ~close:(fun () -> Lwt.return (on_close ())) take in
  (stream, sink, Lwt.join [ asked; got ], are_cancelled, closed)

let what_rust_reads_and_fills () =
  let stream, sink, both_wait, are_cancelled, closed = of_ocaml () in
  let reading = result (Rust.sum_stream stream) in
  let filling = result (Rust.count_into sink 5 true) in
  let+ () = both_wait in
  fun () ->
    let+ reading = reading and* filling = filling in
    check "a call that reads abandoned" (is_abandoned reading);
    check "a call that fills abandoned" (is_abandoned filling);
    check "cancelled, in a call" (are_cancelled ());
    check "closed, in a call" (!closed = 2)

let what_tokio_reads_and_fills () =
  let stream, sink, both_wait, are_cancelled, _ = of_ocaml () in
  let* () = Rust.leave_reader stream in
  let* () = Rust.leave_filler sink in
  let+ () = both_wait in
  fun () -> Lwt.return (check "cancelled, on tokio" (are_cancelled ()))

let with_streams_open () =
  Lwt_main.run (Rust.yield 1 ());
  let { Lwt_rust.Debug.roots; _ } = Lwt_rust.Debug.live () in
  Lwt_main.run
    (let streams_of_rust's = streams_of_rust's () in
     let sinks_of_rust's = sinks_of_rust's () in
     let* channels_of_rust's = channels (fun () -> Rust.channel_of 1) () in
     let* channels_of_ocaml's = channels (fun () -> C.bounded 1) () in
     let* by_calls = what_rust_reads_and_fills () in
     let* by_tokio = what_tokio_reads_and_fills () in
     let* () = Lwt_rust.Runtime.shutdown ~timeout:0. () in
     let* () = streams_of_rust's () in
     let* () = sinks_of_rust's () in
     let* () = channels_of_rust's () in
     let* () = channels_of_ocaml's () in
     let* () = by_calls () in
     let* () = by_tokio () in
     let live = Lwt_rust.Debug.live () in
     check "without tasks" (live.tasks = 0 && live.promises = 0);
     Lwt.return_unit);
  Lwt_main.run (pauses 3);
  collect ();
  check "without streams" (Rust.alive () = 0);
  check "without sinks"
    (List.sort Int.compare (Rust.arrived ()) = [ -2; -2; -2; -1 ]);
  check "without values" ((Lwt_rust.Debug.live ()).roots <= roots)

(* A continuation makes a call while the shutdown rejects the promises of the others. *)
let by_continuations () =
  Lwt_main.run
    (let late = ref [] in
     let call = Rust.sleep 600_000 () in
     Lwt.on_failure call (fun _ ->
         late := result (Rust.sleep 600_000 ()) :: !late);
     let* () = Lwt_rust.Runtime.shutdown ~timeout:0. () in
     let+ late = Lwt.all !late in
     check "refused" (List.map is_refused late = [ true ]))

(* A plain function goes on, a promise is rejected, and a call is refused. *)
let with_functions_open () =
  Lwt_main.run
    (let add = Rust.Made.adder 0 in
     let* { wait; _ } = Rust.Made.subscribe 0. in
     let { Rust.Made.finished; others = _ } = Rust.Made.start_job 60. None 0 in
     let waiting = wait 60. "x" in
     let* () = pauses 3 in
     let* () = Lwt_rust.Runtime.shutdown ~timeout:0. () in
     let* finished = result finished in
     check "a promise" (is_abandoned finished);
     let* waiting = result waiting in
     check "a call" (is_abandoned waiting);
     let* refused = result (wait 0. "x") in
     check "refused" (is_refused refused);
     check "a plain function" (add 3 = 3);
     let module Store = Rust.Objects.Store in
     let store = Store.create () in
     Store.set store "a" "1";
     check "a method that takes the value"
       (match Store.end_now store with
       | _ -> false
       | exception Lwt_rust.Error _ -> Store.length store = 1);
     Lwt.return_unit);
  collect ();
  collect ();
  check "dropped" (Rust.Made.captured () = 0)

(* The destructor of a connection spawns on tokio. tokio drops what is spawned after its
   end. *)
let with_connections_open () =
  Lwt_main.run
    (let connections = ref (List.init 10 (fun _ -> Rust.connection ())) in
     let* () = Rust.sleep 1 () in
     check "open" (List.length (Sys.opaque_identity !connections) = 10);
     let* () = Lwt_rust.Runtime.shutdown ~timeout:0. () in
     connections := [];
     Lwt.return_unit);
  collect ();
  Thread.join (Thread.create collect ());
  check "nothing is spawned" (Rust.closed () = 0)
