(* A program that shuts Rust down. *)

open Lwt.Syntax
open Support

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
