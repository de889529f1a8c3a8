(* Programs that end while Rust has work. Each case runs this program again. The program
   must end by itself, with the right exit code. *)

open Lwt.Syntax
module K = Lwt_rust.Sink
module S = Lwt_rust.Stream

let long = 600_000 (* milliseconds *)
let pausing n = Lwt.map (fun () -> n) (Lwt.pause ())

let work () =
  [
    Rust.sleep long ();
    Rust.spin 10 max_int;
    Lwt.map ignore (Rust.sum pausing max_int);
    Lwt.map ignore (Rust.sum_on_tokio pausing max_int);
    Rust.await (fst (Lwt.wait ()));
  ]

let begin_work () =
  List.iter (fun promise -> Lwt.async (fun () -> promise)) (work ());
  Support.pauses 20

(* Rust sees a rejection, and the exception goes on when the poll is over. *)
let escapes ~waits code =
  Lwt.Exception_filter.(set handle_all_except_runtime);
  let swallow () = Rust.swallow (fun () -> raise Out_of_memory) waits in
  match Lwt_main.run (Lwt.bind (Lwt.pause ()) swallow) with
  | (_ : int) -> exit 1
  | exception Out_of_memory -> exit code

(* A domain runs the loop, and ends while its tasks wait. *)
let domain_that_ends abandoned () =
  let hook exn = if exn = Exit then raise exn in
  Lwt.async_exception_hook := hook;
  let watch promise =
    Lwt.on_failure promise (function
      | Lwt_rust.Abandoned -> incr abandoned
      | exn -> raise exn)
  in
  let raising = Rust.for_ever () in
  let others = work () in
  (* The exception escapes from the domain. The other promises are rejected all the same. *)
  Lwt.on_failure raising (fun _ -> raise Exit);
  List.iter watch others;
  Lwt_main.run (Support.pauses 20)

type open_ends = {
  numbers : int S.t;
  sink : int K.t;
  received : int S.t;
  waiting : (string * unit Lwt.t) list;
  item : int option Lwt.t;  (** Rust waits for it *)
}

(* A domain runs the loop, and ends while readers and senders wait. The first one of each
   waits for Rust, and the one behind it would ask Rust when the domain ends. *)
let ends_with_streams_open () =
  let numbers = Rust.from_tokio 100 2 and silence = Rust.silence () in
  let sink, received = Rust.channel_of 1 in
  let item = fst (Lwt.task ()) in
  let next stream = Lwt.map ignore (S.next stream) in
  let promises () =
    let* first = S.next numbers in
    let* () = K.send sink 1 in
    if first <> Some 0 then exit 1;
    let reader = next silence in
    let behind = next silence in
    let sender = K.send sink 2 in
    let behind_it = K.send sink 3 in
    let call = Lwt.map ignore (Rust.sum_stream (S.from (fun () -> item))) in
    Lwt.return
      [
        ("reader", reader);
        ("reader behind", behind);
        ("sender", sender);
        ("sender behind", behind_it);
        ("call", call);
      ]
  in
  let waiting = Lwt_main.run (promises ()) in
  { numbers; sink; received; waiting; item }

(* The domain of the main thread goes on with what the other one has left. *)
let streams_of_a_domain_that_ends () =
  let check = Shutdown.check in
  let { numbers; sink; received; waiting; item } =
    Domain.join (Domain.spawn ends_with_streams_open)
  in
  List.iter
    (fun (name, promise) ->
      check (name ^ " abandoned") (Lwt.state promise = Fail Lwt_rust.Abandoned))
    waiting;
  check "item cancelled" (Lwt.state item = Fail Lwt.Canceled);
  Lwt_main.run
    (let* rest = S.to_list numbers in
     check "rest" (rest = List.init 99 succ);
     let* first = S.next received in
     let* () = K.send sink 4 in
     let+ second = S.next received in
     check "channel" (first = Some 1 && second = Some 4))

let awaits_rust () =
  let* n = Rust.sleep 1 5 in
  let* m = Rust.sum pausing 100 in
  if n + m <> 4955 then Unix._exit 1;
  Lwt.return_unit

(* The program does its work, and [exit] calls the exit hooks, which await Rust. *)
let exit_by start () =
  Lwt_main.at_exit awaits_rust;
  Lwt_main.run
    (let* () = begin_work () in
     let* () = start (fun () -> exit 5) in
     Lwt.map ignore (Lwt.wait () |> fst))

let by_a_handler exit =
  Sys.set_signal Sys.sigusr1 (Signal_handle (fun _ -> exit ()));
  Unix.kill (Unix.getpid ()) Sys.sigusr1;
  Rust.sleep long ()

let by_a_handler_in_a_closure exit =
  Rust.call_later
    (fun () ->
      let* () = by_a_handler exit in
      Lwt.return_unit)
    ()

let by_a_finaliser exit =
  Gc.finalise (fun _ -> exit ()) (ref (Random.bits ()));
  Gc.full_major ();
  Rust.sleep long ()

let by_a_cancellation exit =
  let promise = fst (Lwt.task ()) in
  Lwt.on_cancel promise exit;
  let awaiting = Rust.await promise in
  let* () = Support.pauses 3 in
  Lwt.cancel awaiting;
  Support.pauses 3

let by_a_promise_that_is_given_up exit =
  let promise = fst (Lwt.task ()) in
  Lwt.on_cancel promise exit;
  Rust.drop_promise (fun () -> promise) true

let by_a_thread exit =
  let call () = Rust.call (fun () -> exit ()) () in
  let* called = Lwt_preemptive.detach call () in
  called

(* Each record that is reported at the end leads to a new one. *)
let by_a_handler_that_logs () =
  Lwt_rust.Log.set_levels (Some Info);
  Lwt_rust.Log.start (fun _ -> Rust.Logged.log_many 1);
  Rust.Logged.log_many 1;
  exit 5

let programs =
  [
    ("exit with a handler of records that logs", 5, by_a_handler_that_logs);
    ("exit by the handler of a signal", 5, exit_by by_a_handler);
    ( "exit by the handler of a signal, in a closure",
      5,
      exit_by by_a_handler_in_a_closure );
    ("exit by a finaliser", 5, exit_by by_a_finaliser);
    ("exit when a promise is cancelled", 5, exit_by by_a_cancellation);
    ( "exit when Rust gives a promise up",
      5,
      exit_by by_a_promise_that_is_given_up );
    ( "exit in a closure that another thread calls",
      5,
      fun () ->
        Lwt_main.run
          (let* () = begin_work () in
           by_a_thread (fun () -> exit 5)) );
    ( "the loop returns",
      3,
      fun () ->
        Lwt_main.run (begin_work ());
        exit 3 );
    ( "an exception leaves the loop",
      2,
      fun () ->
        Lwt_main.run
          (let* () = begin_work () in
           raise Exit) );
    ("the end of the program", 0, fun () -> Lwt_main.run (begin_work ()));
    ( "exit in a closure that Rust calls",
      5,
      fun () ->
        Lwt_main.run
          (let* () = begin_work () in
           Lwt.map ignore (Rust.sum (fun _ -> exit 5) 1)) );
    ( "exit in a closure of a spawned task, and hooks that await others",
      9,
      fun () ->
        let awaits_another () =
          let* n = Rust.sleep_in_a_task 0.001 (fun () -> pausing 5) in
          if n <> 5 then Unix._exit 1;
          Lwt.return_unit
        in
        Lwt_main.at_exit awaits_another;
        Lwt_main.run
          (let* () = begin_work () in
           Lwt.map ignore (Rust.call_in_a_task (fun () -> exit 9))) );
    ( "exit in a closure that Rust calls later, and hooks that await Rust",
      7,
      fun () ->
        Lwt_main.at_exit awaits_rust;
        Lwt_main.run
          (let* () = begin_work () in
           Rust.call_later (fun () -> exit 7) ()) );
    ( "exit in a closure that Rust calls later, and a shutdown",
      8,
      fun () ->
        Lwt_main.at_exit (fun () -> Lwt_rust.Runtime.shutdown ~timeout:0.2 ());
        Lwt_main.run (Rust.call_later (fun () -> exit 8) ()) );
    ( "exit in a continuation of a call",
      6,
      fun () ->
        Lwt_main.run
          (let* () = begin_work () in
           let* () = Rust.sleep 5 () in
           exit 6) );
    ( "calls in an exit hook of the process",
      7,
      fun () ->
        at_exit (fun () ->
            if Lwt_main.run (Rust.yield 3 'x') = 'x' then Unix._exit 7);
        Lwt_main.run (begin_work ()) );
    ( "calls in an exit hook of Lwt",
      8,
      fun () ->
        Lwt_main.at_exit (fun () ->
            let* x = Rust.sleep 5 'x' in
            if x = 'x' then Unix._exit 8 else Lwt.return_unit);
        Lwt_main.run (begin_work ()) );
    ( "a first call in an exit hook",
      9,
      fun () ->
        at_exit (fun () ->
            if Lwt_main.run (Rust.sleep 5 'x') = 'x' then Unix._exit 9) );
    ( "a call outside of any loop",
      0,
      fun () -> Lwt.async (fun () -> Rust.sleep long ()) );
    ( "an exception that Lwt does not catch, at once",
      11,
      fun () -> escapes ~waits:false 11 );
    ( "an exception that Lwt does not catch, later",
      12,
      fun () -> escapes ~waits:true 12 );
    ( "a panic",
      0,
      fun () -> ignore (Lwt_main.run (Support.result (Rust.panic true))) );
    ( "a panic that the loop has no time to report",
      13,
      fun () ->
        Lwt_rust.on_panic (Some (fun _ -> Unix._exit 13));
        ignore (Lwt_main.run (Support.result (Rust.panic false))) );
    ("shutdown with one call", 0, Shutdown.drain);
    ("shutdown by a closure", 0, Shutdown.drain_from_a_closure);
    ("shutdown by the first poll of a call", 0, Shutdown.by_the_first_poll);
    ( "shutdown by another thread during the first poll of a call",
      0,
      Shutdown.beside_a_first_poll );
    ( "a domain that ends",
      10,
      fun () ->
        let abandoned = ref 0 in
        (match Domain.join (Domain.spawn (domain_that_ends abandoned)) with
        | () -> exit 1
        | exception Exit -> ());
        (* Another domain may run the loop now. *)
        let value = Lwt_main.run (Rust.yield 3 5) in
        exit (value + !abandoned) );
    ( "records that wait",
      9,
      fun () ->
        Lwt_rust.Log.set_levels (Some Info);
        Lwt_rust.Log.start (fun _ -> Unix._exit 9);
        Rust.Logged.log_all () );
    ("a domain that ends with streams open", 0, streams_of_a_domain_that_ends);
    ( "a domain whose first call is in one of its hooks",
      11,
      fun () ->
        let first () =
          Domain.at_exit (fun () ->
              if Lwt_main.run (Rust.yield 3 5) <> 5 then Unix._exit 1)
        in
        Domain.join (Domain.spawn first);
        (* The collector finds that the domain is gone. *)
        for _ = 1 to 4 do
          Gc.full_major ()
        done;
        exit (Lwt_main.run (Rust.yield 3 11)) );
    ("shutdown and calls of continuations", 0, Shutdown.by_continuations);
    ("shutdown with functions of Rust's", 0, Shutdown.with_functions_open);
    ("shutdown with connections open", 0, Shutdown.with_connections_open);
    ("shutdown with streams open", 0, Shutdown.with_streams_open);
    ("shutdown", 0, Shutdown.run);
  ]

let left_out = function
  | "a domain that ends" | "a domain that ends with streams open"
  | "a domain whose first call is in one of its hooks" | "shutdown" ->
      Support.starts_a_domain
  | _ -> []

let ends_with name code () =
  Alcotest.(check int) "code" code Program.(wait_for (start name Unix.stderr))

let a_panic_is_one_line () =
  let file = Filename.temp_file "exits" ".stderr" in
  Fun.protect ~finally:(fun () -> Sys.remove file) @@ fun () ->
  let stderr = Unix.openfile file [ O_WRONLY; O_TRUNC ] 0o600 in
  Alcotest.(check int) "code" 0 Program.(wait_for (start "a panic" stderr));
  Unix.close stderr;
  let text = In_channel.with_open_bin file In_channel.input_all in
  Alcotest.(check (option int))
    text
    (Some (String.length text - 1))
    (String.index_opt text '\n');
  Alcotest.(check bool)
    text true
    (String.starts_with ~prefix:"lwt_rust: thread '" text
    && String.ends_with ~suffix:": panic of the test\n" text)

let () =
  match Sys.argv with
  | [| _; name |] when List.exists (fun (n, _, _) -> n = name) programs ->
      let _, _, program = List.find (fun (n, _, _) -> n = name) programs in
      program ()
  | _ ->
      Alcotest.run "exits"
        [
          ( "output",
            [
              Alcotest.test_case "a panic is one line" `Quick
                a_panic_is_one_line;
            ] );
          ( "exits",
            List.concat_map
              (fun (name, code, _) ->
                Support.left_out (left_out name)
                  [ Alcotest.test_case name `Quick (ends_with name code) ])
              programs );
        ]
