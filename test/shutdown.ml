(* A program that shuts Rust down, once for all. *)

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
  match Lwt_rust.Executor.run (fun () -> Rust.Raw.sleep 600_000 ()) with
  | () -> false
  | exception Lwt_rust.Abandoned -> true

let run () =
  Lwt_main.run
    (let* () = Rust.leave_task (ref 0) in
     let* live = Rust.live () in
     check "without counted futures" (live = 0);
     let protected = ref false in
     let short = result (Rust.sleep 20 1)
     and long = result (Rust.for_ever ()) in
     let cancelled =
       Rust.protected 50 (fun () ->
           protected := true;
           Lwt.return_unit)
     in
     Lwt.cancel cancelled;
     let other = Domain.spawn in_another_domain in
     let* () = Lwt_unix.sleep 0.05 in
     check "with threads" (threads_of_tokio () > 0);
     let* () = Lwt_rust.Runtime.shutdown ~deadline:0.5 () in
     let* short = short and* long = long in
     check "drained" (short = Ok 1);
     check "protected" !protected;
     check "aborted" (is_abandoned long);
     check "aborted in another domain" (Domain.join other);
     let live = Lwt_rust.Runtime.live () in
     check "without tasks" (live.tasks = 0 && live.promises = 0);
     check "joined" (threads_of_tokio () = 0);
     let* () = Lwt_rust.Runtime.shutdown () in
     let* late = result (Rust.ready 1) in
     check "refused" (is_refused late);
     (match Lwt_rust.Runtime.start () with
     | () -> check "refused to start" false
     | exception exn -> check "refused to start" (is_refused (Error exn)));
     Lwt.return_unit)
