(* Signals arrive as they do without Rust. *)

open Lwt.Syntax
open Support

let send signal = Unix.kill (Unix.getpid ()) signal

(* Sends a signal a little later, from another process, as a shell would. *)
let send_from_outside name =
  let command =
    Printf.sprintf "sleep 0.05; kill -%s %d" name (Unix.getpid ())
  in
  Lwt_process.exec ("", [| "sh"; "-c"; command |])

let with_handler signal handler body =
  let before = Sys.signal signal (Signal_handle handler) in
  Lwt.finalize body (fun () ->
      Sys.set_signal signal before;
      Lwt.return_unit)

let handler_of_the_process signal name () =
  let* () = Rust.sleep 1 () in
  let count = ref 0 in
  with_handler signal
    (fun _ -> incr count)
    (fun () ->
      (* The loop is blocked, so the system can give the signal to a thread of tokio's only. *)
      let waiting = Rust.sleep 60_000 () in
      let* (_ : Unix.process_status) = send_from_outside name in
      let rec wait () =
        if !count > 0 then Lwt.return_unit
        else
          let* () = Lwt_unix.sleep 0.001 in
          wait ()
      in
      let* () = wait () in
      check_bool "while Rust waits" true (is_pending waiting);
      check_int "once" 1 !count;
      Lwt.cancel waiting;
      Lwt.return_unit)

let handler_of_lwt () =
  let arrived, resolver = Lwt.wait () in
  let id = Lwt_unix.on_signal Sys.sigusr1 (Lwt.wakeup_later resolver) in
  let waiting = Rust.sleep 10_000 () in
  send Sys.sigusr1;
  let* signal = arrived in
  Lwt_unix.disable_signal_handler id;
  check_int "signal" Sys.sigusr1 signal;
  check_bool "while Rust waits" true (is_pending waiting);
  Lwt.cancel waiting;
  Lwt.return_unit

(* A handler that raises while Rust calls closures in a loop. *)
exception Interrupted

let handler_that_raises () =
  let interrupted =
    match
      Lwt_main.run
        (with_handler Sys.sigusr2
           (fun _ -> raise Interrupted)
           (fun () ->
             let calling =
               Rust.sum (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) max_int
             in
             let* () = pauses 100 in
             send Sys.sigusr2;
             let* (_ : int) = calling in
             Lwt.return_unit))
    with
    | () -> false
    | exception Interrupted -> true
  in
  check_bool "interrupted" true interrupted;
  check_int "the executor goes on" 7 (Lwt_main.run (Rust.yield 5 7))

(* If the main thread has not begun to handle the first signal, the system gives the second
   one to another thread. The loop waits for nothing else. The test sends two signals at
   most: the stack that OCaml has for handlers has no room for three. *)
let two_at_once () =
  let arrived = ref 0 and resolver = ref (snd (Lwt.wait ())) in
  let handle _ =
    incr arrived;
    if !arrived = 2 then Lwt.wakeup_later !resolver ()
  in
  (* One child sends all signals, since the end of a child would send another one. *)
  let command = "while read line; do kill -USR1 $0; kill -USR2 $0; done" in
  let own = string_of_int (Unix.getpid ()) in
  Lwt_process.with_process_out ("", [| "sh"; "-c"; command; own |])
  @@ fun child ->
  let both send =
    let all, wake = Lwt.wait () in
    arrived := 0;
    resolver := wake;
    let* () = send () in
    all
  in
  let rec rounds n =
    if n = 0 then Lwt.return_unit
    else
      (* Threads of tokio's run now, and rest soon. *)
      let busy = List.init 20 Rust.spawn in
      let* () = Rust.block () in
      let* () =
        both (fun () -> Lwt.return (List.iter send Sys.[ sigusr1; sigusr2 ]))
      in
      let* (_ : int list) = Lwt.all busy in
      let* () = both (fun () -> Lwt_io.write_line child#stdin "") in
      rounds (n - 1)
  in
  with_handler Sys.sigusr1 handle @@ fun () ->
  with_handler Sys.sigusr2 handle @@ fun () -> rounds 100

let children_are_waited_for () =
  let* () = Rust.sleep 1 () in
  let exits code = Lwt_process.exec ("", [| "sh"; "-c"; "exit " ^ code |]) in
  let* statuses = Lwt.all (List.map exits [ "0"; "1"; "2" ]) in
  check_bool "statuses" true
    (statuses = [ Unix.WEXITED 0; WEXITED 1; WEXITED 2 ]);
  Lwt.return_unit

let ends_by_sigterm start () =
  let* child = start () in
  Unix.kill child Sys.sigterm;
  let+ _, status = Lwt_unix.waitpid [] child in
  check_bool "by SIGTERM" true (status = WSIGNALED Sys.sigterm)

(* The second time this process has a handler, which a child does not inherit. *)
let children_can_be_ended place () =
  let start () = Rust.start_process place in
  let* () = ends_by_sigterm start () in
  with_handler Sys.sigterm ignore (ends_by_sigterm start)

let children_of_a_plain_function =
  ends_by_sigterm (fun () -> Lwt.return (Rust.start_process_now ()))

let sigpipe_is_as_it_was () =
  ignore (Lwt_main.run (Rust.yield 1 ()));
  match Unix.fork () with
  | 0 ->
      let reads, writes = Unix.pipe () in
      Unix.close reads;
      ignore (Unix.write_substring writes "x" 0 1 : int);
      Unix._exit 0
  | child ->
      let _, status = Unix.waitpid [] child in
      check_bool "killed" true (status = WSIGNALED Sys.sigpipe)

let () =
  Alcotest.run "signals"
    [
      ( "signals",
        [
          case "SIGINT from outside" (handler_of_the_process Sys.sigint "INT");
          case "SIGTERM from outside"
            (handler_of_the_process Sys.sigterm "TERM");
          case "a handler of Lwt's" handler_of_lwt;
          Alcotest.test_case "a handler that raises" `Quick handler_that_raises;
          case "two at once" two_at_once;
          case "children are waited for" children_are_waited_for;
          case "children of a plain function can be ended"
            children_of_a_plain_function;
          case "children of a task can be ended" (children_can_be_ended 0);
          case "children of tokio's tasks can be ended"
            (children_can_be_ended 1);
          case "children of a blocking function can be ended"
            (children_can_be_ended 2);
          case "children of tokio's blocking functions can be ended"
            (children_can_be_ended 3);
          Alcotest.test_case "SIGPIPE is as it was" `Quick sigpipe_is_as_it_was;
        ] );
    ]
