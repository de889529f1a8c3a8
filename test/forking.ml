(* A forked child may use Rust in a few ways, and the parent does not notice. *)

open Support
module C = Lwt_rust.Channel
module K = Lwt_rust.Sink
module S = Lwt_rust.Stream

(* Runs [body] in a child, which succeeds if it returns [true]. *)
let in_child ?(fork = Unix.fork) body =
  match fork () with
  | 0 ->
      let code =
        match body () with
        | true -> 0
        | false -> 1
        | exception exn ->
            prerr_endline (Printexc.to_string exn);
            2
      in
      Unix._exit code
  | child -> child

let check_child name child =
  match Unix.waitpid [] child with
  | _, WEXITED code -> check_int name 0 code
  | _, WSIGNALED signal -> Alcotest.failf "%s: killed by signal %d" name signal
  | _, WSTOPPED _ -> Alcotest.failf "%s: stopped" name

(* The test fails if the child hangs. *)
let run promise =
  Lwt_main.run
    (Lwt.pick
       [
         Lwt.bind (Lwt_unix.sleep 30.) (fun () -> Lwt.fail_with "still waiting");
         promise;
       ])

let before_the_first_use () =
  check_child "child"
    (in_child ~fork:Lwt_unix.fork (fun () ->
         run (Rust.yield 3 5) = 5 && run (Rust.sleep 5 'x') = 'x'));
  check_int "parent" 6 (run (Rust.yield 3 6))

let is_refused f =
  match f () with
  | () -> false
  | exception Lwt_rust.Error { message; _ } ->
      String.starts_with ~prefix:"this process was forked" message

let raise_failure promise =
  match Lwt.state promise with
  | Lwt.Fail exn -> raise exn
  | Return _ | Sleep -> ()

let calls_are_refused fork () =
  let promise = Lwt_rust.Promise.create () in
  check_int "before" 1 (run (Rust.yield 1 1));
  check_child "child"
    (in_child ~fork (fun () ->
         is_refused (fun () -> raise_failure (Rust.ready ()))
         && is_refused (fun () -> raise_failure (Rust.sleep 1 ()))
         && is_refused (fun () ->
                let (_ : int Lwt_rust.Promise.t) = Lwt_rust.Promise.create () in
                ())
         && is_refused (fun () -> Lwt_rust.Promise.resolve promise 1)));
  check_int "after" 2 (run (Rust.sleep 1 2))

(* The closure forks while its task awaits the closure's promise. *)
let by_a_closure () =
  let child = ref (-1) in
  let step n =
    if n = 0 then child := Lwt_unix.fork ();
    Lwt.map (fun () -> 1) (Lwt.pause ())
  in
  let summing = Rust.sum step 3 in
  if !child = 0 then
    Unix._exit
      (match run (result summing) with
      | Error Lwt_rust.Abandoned -> 0
      | Ok _ | Error _ | (exception _) -> 1);
  check_child "child" !child;
  check_int "parent" 3 (run summing)

(* The closure forks in the middle of a poll, while workers wake other tasks. *)
let by_a_closure_of_a_task () =
  let others () =
    List.init 20 (fun n -> Rust.sleep_in_a_task 0.001 (fun () -> Lwt.return n))
  in
  for _ = 1 to 10 do
    let others = others () in
    let child = ref (-1) in
    let closure () =
      child := Lwt_unix.fork ();
      5
    in
    let calling = Rust.call_in_a_task closure in
    (match run (result calling) with
    | Error Lwt_rust.Abandoned when !child = 0 -> Unix._exit 0
    | _ when !child = 0 -> Unix._exit 1
    | Ok 5 -> ()
    | Ok _ | Error _ -> Alcotest.fail "the call"
    | exception _ when !child = 0 -> Unix._exit 2);
    check_child "child" !child;
    check_int "others" 190 (List.fold_left ( + ) 0 (run (Lwt.all others)))
  done

let tasks_of_each_kind () =
  Rust.keep_tasks ();
  check_child "child" (in_child (fun () -> Rust.tasks_without_an_error () = 0))

(* The child of [Unix.fork] would read the parent's notifications. *)
let what_waits_is_rejected () =
  let sleeping = Rust.sleep 200 'x' and yielding = Rust.yield 3 'y' in
  let calls = ref 0 in
  let calling =
    Rust.sum
      (fun n ->
        incr calls;
        Lwt.map (fun () -> n) (Lwt.pause ()))
      100
  in
  check_child "child"
    (in_child ~fork:Lwt_unix.fork (fun () ->
         let called = !calls in
         let abandoned promise =
           run (result promise) = Error Lwt_rust.Abandoned
         in
         abandoned sleeping && abandoned yielding
         && run (result calling) = Error Lwt_rust.Abandoned
         && !calls = called
         && run (Lwt_unix.sleep 0.01) = ()));
  check_bool "sleeping" true (run sleeping = 'x');
  check_bool "yielding" true (run yielding = 'y');
  check_int "calling" 4950 (run calling)

(* {1 Streams, sinks and channels}

   In the child, what has asked Rust for something is abandoned. Rust refuses the one behind
   it, and those that follow. *)

let abandoned promise () =
  match run (result promise) with
  | Error Lwt_rust.Abandoned -> true
  | Error _ | Ok _ -> false

let refused ask () = is_refused (fun () -> run (Lwt.map ignore (ask ())))
let refused_now f () = is_refused (fun () -> ignore (f ()))

(* Looks at one thing after the other, and prints the name of the first that is not so. *)
let check_all checks () =
  let holds (name, condition) =
    let holds = condition () in
    if not holds then prerr_endline ("the child: " ^ name);
    holds
  in
  List.for_all holds checks

let in_forked_child checks =
  check_child "child" (in_child ~fork:Lwt_unix.fork (check_all checks))

let streams_of_rust's () =
  let gate, opens = Lwt.wait () in
  let number n = Lwt.map (fun () -> n) gate in
  let stream = Rust.calling number 3 in
  let first = S.next stream in
  let second = S.next stream in
  let unread = Rust.numbers 9 and mapped = S.map succ (Rust.numbers 9) in
  let alive = Rust.alive () in
  in_forked_child
    [
      ("the first", abandoned first);
      ("the second", refused (fun () -> second));
      ("next", refused (fun () -> S.next stream));
      ("next_chunk", refused (fun () -> S.next_chunk 5 unread));
      ("map", refused (fun () -> S.next mapped));
      ("a new one", refused (fun () -> S.to_list (Rust.numbers 3)));
      ("close", refused_now (fun () -> S.close stream));
      ("close an unread one", refused_now (fun () -> S.close unread));
      ("closed", fun () -> run (S.next stream) = None);
    ];
  check_bool "they wait" true (is_pending first && is_pending second);
  check_int "none was dropped" alive (Rust.alive ());
  Lwt.wakeup opens ();
  check_bool "readers" true (run (Lwt.both first second) = (Some 0, Some 1));
  check_bool "the rest" true (run (S.to_list stream) = [ 2 ]);
  check_int "unread" 9 (List.length (run (S.to_list unread)));
  check_int "mapped" 45 (run (S.fold ( + ) mapped 0))

(* A thread of tokio's makes items, and holds the lock of their channel at times. *)
let streams_of_tokio's () =
  for _ = 1 to 10 do
    let stream = ref (Some (Rust.from_tokio 1_000 2)) in
    let the_stream () = Option.get !stream in
    check_bool "the first" true (run (S.next (the_stream ())) = Some 0);
    in_forked_child
      [
        ("next", refused (fun () -> S.next (the_stream ())));
        ("close", refused_now (fun () -> S.close (the_stream ())));
        ( "collected",
          fun () ->
            stream := None;
            Gc.full_major ();
            true );
      ];
    check_int "the rest" 999 (List.length (run (S.to_list (the_stream ()))))
  done

(* The child has the stream and the sink of OCaml's, and no task that uses them. *)
let what_rust_reads_and_fills elsewhere () =
  let asked = ref 0 and sent = ref [] and closed = ref 0 in
  let gate, opens = Lwt.wait () in
  let get () =
    incr asked;
    let n = !asked in
    let when_there () = if n = 4 then None else Some n in
    if n = 3 then Lwt.map when_there gate else Lwt.return (when_there ())
  in
  let send item =
    sent := item :: !sent;
    Lwt.pause ()
  in
  let close () =
    incr closed;
    Lwt.return_unit
  in
  let stream = S.from get and sink = K.make ~close send in
  let copying = Rust.copy_all stream sink elsewhere in
  let rec until_it_waits () =
    if !asked = 3 && !sent = [ 2; 1 ] then Lwt.return_unit
    else Lwt.bind (Lwt.pause ()) until_it_waits
  in
  run (until_it_waits ());
  let nobody_asks () =
    Lwt.wakeup opens ();
    run (pauses 20);
    !asked = 3 && !sent = [ 2; 1 ] && !closed = 0
  and the_sink_is_there () =
    run (K.send sink 7);
    run (K.close sink);
    !sent = [ 7; 2; 1 ] && !closed = 1
  in
  in_forked_child
    [
      ("the call", abandoned copying);
      ("nobody asks", nobody_asks);
      ("the sink is there", the_sink_is_there);
    ];
  check_bool "it waits" true (is_pending copying && !closed = 0);
  Lwt.wakeup opens ();
  run copying;
  check_bool "sent" true (!sent = [ 3; 2; 1 ]);
  check_int "closed" 1 !closed

let channels make () =
  let sink, stream = make () in
  run (K.send sink 1);
  let second = K.send sink 2 in
  let third = K.send sink 3 in
  let other_sink, other_stream = make () in
  let reader = S.next other_stream in
  let wait () =
    List.for_all is_pending [ second; third ] && is_pending reader
  in
  check_bool "they wait" true (wait ());
  in_forked_child
    [
      ("the one that sends", abandoned second);
      ("the one behind it", refused (fun () -> third));
      ("the reader", abandoned reader);
      ("send", refused (fun () -> K.send sink 4));
      ("try_send", refused_now (fun () -> K.try_send other_sink 4));
      ("send_all", refused (fun () -> K.send_all other_sink (S.of_list [ 1 ])));
      ("flush", refused (fun () -> K.flush sink));
      ("close", refused (fun () -> K.close sink));
      ("next", refused (fun () -> S.next stream));
      ("close the stream", refused_now (fun () -> S.close stream));
      ("bounded", refused_now (fun () -> C.bounded 1));
      ("unbounded", refused_now C.unbounded);
    ];
  check_bool "they still wait" true (wait ());
  run (K.send other_sink 5);
  check_bool "the reader" true (run reader = Some 5);
  let all = S.to_list stream in
  run (Lwt.join [ second; third; K.close sink ]);
  check_bool "items" true (run all = [ 1; 2; 3 ])

(* The sink has an item that has not arrived. *)
let sinks_of_rust's () =
  let sink, arrived = Rust.slow_pipe 0.2 in
  run (K.send sink 1);
  let second = K.send sink 2 in
  check_bool "it waits" true (is_pending second);
  in_forked_child
    [
      ("the one that sends", abandoned second);
      ("send", refused (fun () -> K.send sink 3));
      ("try_send", refused_now (fun () -> K.try_send sink 3));
      ("flush", refused (fun () -> K.flush sink));
      ("close", refused (fun () -> K.close sink));
      ("what has arrived", refused (fun () -> S.next arrived));
    ];
  run (Lwt.join [ second; K.close sink ]);
  check_bool "arrived, closed and dropped" true
    (run (S.to_list arrived) = [ 1; 2; -1; -2 ])

(* The poll that gives item [n] forks: the first one is part of the call of the reader, and
   the second one belongs to a task. The reader has its item, or is abandoned. *)
let by_the_poll_of_a_stream n () =
  let child = ref (-1) in
  let poll number =
    if number < n then 0
    else (
      if !child = -1 then child := Lwt_unix.fork ();
      1)
  in
  let stream = Rust.polled_by poll in
  let first = S.next stream in
  let second = S.next stream in
  let first_has_its_item () =
    match run (result first) with
    | Ok item -> item = Some n
    | Error exn -> exn = Lwt_rust.Abandoned
  in
  let first_is_settled = first_has_its_item () in
  (if !child = 0 then
     let is_so =
       check_all
         [
           ("the first", fun () -> first_is_settled);
           ("the second", refused (fun () -> second));
           ("next", refused (fun () -> S.next stream));
           ("close", refused_now (fun () -> S.close stream));
         ]
     in
     Unix._exit (match is_so () with true -> 0 | false | (exception _) -> 1));
  check_child "child" !child;
  check_bool "the first" true (run first = Some n);
  check_bool "the second" true (run second = Some (n + 1));
  S.close stream

let collected_in_the_child () =
  let awaiting = ref [] in
  for _ = 1 to 100 do
    awaiting := Rust.await_portable (Lwt_rust.Promise.create ()) :: !awaiting
  done;
  check_child "child"
    (in_child (fun () ->
         Gc.full_major ();
         Gc.compact ();
         true));
  Gc.full_major ();
  List.iter
    (fun promise ->
      check_bool "abandoned" true
        (run (result promise) = Error Lwt_rust.Abandoned))
    !awaiting

(* The loop of the child goes on when the levels change. The parent's records stay there. *)
let logs () =
  let records = ref 0 in
  Logs.set_level (Some Logs.Info);
  Lwt_rust_logs.start ();
  Lwt_rust.Log.start (fun _ -> incr records);
  Rust.Logged.log_many 5;
  check_child "child"
    (in_child ~fork:Lwt_unix.fork (fun () ->
         Logs.set_level (Some Logs.Debug);
         run (pauses 3);
         Lwt_rust_logs.refresh ();
         ignore (Lwt_rust.Log.dropped () : int);
         !records = 0));
  run (pauses 3);
  run (Rust.sleep 1 ());
  check_int "parent" 5 !records

let other_programs () =
  let sleeping = Rust.sleep 20 'x' in
  let output = run (Lwt_process.pread ("", [| "echo"; "hello" |])) in
  check_string "output" "hello\n" output;
  let status = run (Lwt_process.exec ("", [| "sh"; "-c"; "exit 3" |])) in
  check_bool "status" true (status = WEXITED 3);
  check_bool "sleeping" true (run sleeping = 'x')

let () =
  let test name body = Alcotest.test_case name `Quick body in
  Alcotest.run "forking"
    [
      ( "forking",
        [
          test "before the first use" before_the_first_use;
          test "calls are refused" (calls_are_refused Unix.fork);
          test "calls are refused, Lwt_unix.fork"
            (calls_are_refused Lwt_unix.fork);
          test "by a closure" by_a_closure;
          test "by a closure of a task" by_a_closure_of_a_task;
          test "tasks of each kind" tasks_of_each_kind;
          test "what waits is rejected" what_waits_is_rejected;
          test "collected in the child" collected_in_the_child;
          test "logs" logs;
          test "other programs" other_programs;
        ] );
      ( "streams, sinks and channels",
        [
          test "streams of Rust's" streams_of_rust's;
          test "streams of tokio's" streams_of_tokio's;
          test "what Rust reads and fills" (what_rust_reads_and_fills false);
          test "what tokio reads and fills" (what_rust_reads_and_fills true);
          test "channels of Rust's" (channels (fun () -> Rust.channel_of 1));
          test "channels of OCaml's" (channels (fun () -> C.bounded 1));
          test "sinks of Rust's" sinks_of_rust's;
          test "by the first poll of a stream" (by_the_poll_of_a_stream 1);
          test "by the poll of a stream" (by_the_poll_of_a_stream 2);
        ] );
    ]
