(* Wrong use of every stub raises a clear exception, and Rust goes on. *)

open Lwt.Syntax
open Support
module F = Rust

let says name part exn =
  let text =
    match exn with
    | Lwt_rust.Error { message; _ } | Invalid_argument message -> message
    | exn -> Alcotest.failf "%s: %s" name (Printexc.to_string exn)
  in
  if not (contains text part) then
    Alcotest.failf "%s: %S is not in %S" name part text

(* [f ()] raises an exception that says [part]. *)
let refused name part f =
  match f () with
  | _ -> Alcotest.failf "%s: no exception" name
  | exception exn -> says name part exn

let rejected name part promise =
  let+ result = result promise in
  match result with
  | Ok _ -> Alcotest.failf "%s: no rejection" name
  | Error exn -> says name part exn

(* {1 Promises that are settled, given or taken twice} *)

let settled_twice () =
  let promise = Lwt_rust.Promise.create () in
  Lwt_rust.Promise.reject promise Exit;
  let again = "the promise was settled before" in
  refused "resolve" again (fun () -> Lwt_rust.Promise.resolve promise 1);
  refused "reject" again (fun () -> Lwt_rust.Promise.reject promise Exit);
  let* () = expect "the first" (Rust.await_portable promise) (( = ) Exit) in
  still_works ()

let given_twice () =
  let promise = Lwt_rust.Promise.create () in
  let first = Rust.await_portable promise in
  let* () = rejected "pending" "given to Rust" (Rust.await_portable promise) in
  Lwt_rust.Promise.resolve promise 1;
  let* first = first in
  check_int "the first" 1 first;
  let* () = rejected "settled" "given to Rust" (Rust.await_portable promise) in
  still_works ()

let taken_twice () =
  let call = Rust.Call.yield 2 1 in
  let promise = promise_of call in
  refused "pending" "taken before" (fun () -> promise_of call);
  let* one = promise in
  check_int "the first" 1 one;
  refused "settled" "taken before" (fun () -> promise_of call);
  still_works ()

let cancelled_twice () =
  let promise = Rust.for_ever () in
  Lwt.cancel promise;
  Lwt.cancel promise;
  let* () = expect "cancelled" promise (( = ) Lwt.Canceled) in
  Lwt.cancel promise;
  let settled = Rust.ready 1 in
  Lwt.cancel settled;
  check_bool "settled" true (Lwt.state settled = Return 1);
  still_works ()

(* {1 Handles that are freed or were never there} *)

module Stubs = struct
  [@@@warning "-unused-constructor"]
  (* Only Rust makes values of these types. *)

  type _ outcome =
    | Done : unit outcome
    | Ready : 'a -> 'a outcome
    | Failed : exn * Printexc.raw_backtrace option -> 'a outcome

  external wait_resolve : int -> 'a -> unit outcome = "lwt_rust_wait_resolve"
  external wait_reject : int -> exn -> unit outcome = "lwt_rust_wait_reject"
  external call_cancel : int -> unit outcome = "lwt_rust_call_cancel"

  external promise_resolve : 'a -> 'b -> bool outcome
    = "lwt_rust_promise_resolve"

  external promise_reject : 'a -> exn -> bool outcome
    = "lwt_rust_promise_reject"
end

let numbers = [ -1; 0; 1; 17; 1 lsl 20; 1 lsl 40; max_int; min_int ]

let freed_handles () =
  (* The numbers below include those of calls and waits that have ended. *)
  let* _ = Rust.yield 1 () in
  let pending, resolver = Lwt.task () in
  let awaiting = Rust.await pending in
  let* () = Lwt.pause () in
  let nothing name n = function
    | Stubs.Done | Ready () | Failed ((Lwt_rust.Error _ | Invalid_argument _), _)
      ->
        ()
    | Failed (exn, _) ->
        Alcotest.failf "%s %d: %s" name n (Printexc.to_string exn)
  in
  List.iter
    (fun n ->
      if n < 0 || n > 1 lsl 30 then (
        nothing "resolve" n (Stubs.wait_resolve n (ref n));
        nothing "reject" n (Stubs.wait_reject n Exit));
      if n < 0 || n > 1 lsl 10 then nothing "cancel" n (Stubs.call_cancel n))
    numbers;
  check_bool "others wait on" true (is_pending awaiting);
  Lwt.wakeup resolver 5;
  let* five = awaiting in
  check_int "others end" 5 five;
  still_works ()

let no_promise () =
  let is_refused name = function
    | Stubs.Failed (exn, _) -> says name "not a promise of Lwt_rust" exn
    | Ready (_ : bool) -> Alcotest.failf "%s: accepted" name
  in
  let refuse name value =
    is_refused name (Stubs.promise_resolve value 1);
    is_refused name (Stubs.promise_reject value Exit)
  in
  refuse "an int" 1;
  refuse "a string" "x";
  refuse "a block" (Some 1);
  refuse "a closure" Fun.id;
  refuse "another custom block" 1L;
  refuse "an abstract value" (F.counter 1);
  still_works ()

let no_type_of_the_function () =
  let mismatch = "the OCaml declaration of this function does not match" in
  let* () = rejected "int" mismatch (Rust.yield (Obj.magic "x") ()) in
  let* () = rejected "range" "-1 does not fit" (Rust.yield (-1) ()) in
  let* () = rejected "bool" mismatch (Rust.fail (Obj.magic 2)) in
  let* () =
    rejected "string" mismatch
      (Rust.convert (true, None) (0, 0, 0) 0. (Obj.magic (1, 2)))
  in
  let* () =
    rejected "tuple" mismatch
      (Rust.convert (true, None) (Obj.magic 5) 0. ("", ""))
  in
  let closure : unit -> unit Lwt.t = Obj.magic 5 in
  let* () = rejected "function" mismatch (Rust.call closure ()) in
  let* () = rejected "function" mismatch (F.map (Obj.magic "f") [ 1 ]) in
  let promise : unit Lwt.t = Obj.magic 5 in
  let* () = rejected "promise" mismatch (Rust.await promise) in
  still_works ()

(* {1 Domains and processes} *)

let elsewhere f =
  match
    Domain.join (Domain.spawn (fun () -> try Ok (f ()) with exn -> Error exn))
  with
  | Ok value -> value
  | Error exn -> raise exn

let wrong_domain () =
  let* () = still_works () in
  elsewhere (fun () ->
      (match Lwt.state (promise_of (Rust.Call.yield 1 ())) with
      | Fail exn -> says "as if it ran the loop" "Lwt_rust.Executor.run" exn
      | Return () | Sleep -> Alcotest.fail "no loop runs here");
      refused "start" "is not the domain of the Lwt loop" (fun () ->
          Lwt_rust.Runtime.start ());
      refused "shutdown" "the domain that runs the Lwt loop" (fun () ->
          Lwt_rust.Runtime.shutdown ()));
  refused "run, in the loop's" "call the function itself" (fun () ->
      Lwt_rust.Executor.run (fun () -> Rust.Call.yield 1 ()));
  elsewhere (fun () ->
      refused "run in run" "running" (fun () ->
          Lwt_rust.Executor.run (fun () ->
              Lwt_rust.Executor.run (fun () -> Rust.Call.yield 1 ());
              Rust.Call.ready ()));
      let call = Rust.Call.yield 1 () in
      Lwt_rust.Executor.run (fun () -> call);
      refused "an old call" "taken before" (fun () ->
          Lwt_rust.Executor.run (fun () -> call)));
  still_works ()

(* The text that [f] returns in a forked child. *)
let in_child f =
  let reads, writes = Unix.pipe () in
  match Unix.fork () with
  | 0 ->
      let text =
        match f () with
        | () -> "as it should be"
        | exception exn -> Printexc.to_string exn
      in
      let bytes = Bytes.of_string text in
      ignore (Unix.write writes bytes 0 (Bytes.length bytes));
      Unix._exit 0
  | child ->
      Unix.close writes;
      let text = In_channel.input_all (Unix.in_channel_of_descr reads) in
      ignore (Unix.waitpid [] child);
      Alcotest.(check string) "in the child" "as it should be" text

(* This runs before any domain is spawned, since OCaml does not fork after that. *)
let forked_child () =
  Lwt_main.run (still_works ());
  let promise = Lwt_rust.Promise.create () in
  in_child (fun () ->
      let forked name f = refused name "fork" f in
      (match Lwt.state (Rust.ready 1) with
      | Fail exn -> says "call" "fork" exn
      | Return _ | Sleep -> failwith "call: accepted");
      forked "start" (fun () -> Lwt_rust.Runtime.start ());
      forked "create" (fun () -> ignore (Lwt_rust.Promise.create ()));
      forked "resolve" (fun () -> Lwt_rust.Promise.resolve promise 1);
      forked "live" (fun () -> ignore (Lwt_rust.Debug.live ()));
      forked "run" (fun () ->
          Lwt_rust.Executor.run (fun () -> Rust.Call.ready ())));
  Lwt_rust.Promise.resolve promise 1

(* {1 Settings} *)

let configuration () =
  let refuse name part ?thread_name flavor =
    refused name part (fun () -> Lwt_rust.Runtime.configure ?thread_name flavor)
  in
  let workers n = Lwt_rust.Runtime.Multi_thread { workers = Some n } in
  List.iter
    (fun n ->
      refuse (string_of_int n)
        (Printf.sprintf "%d worker threads: there must be between 1 and 1024" n)
        (workers n))
    [ 0; -1; 1025; max_int; min_int ];
  refuse "NUL" "NUL byte" ~thread_name:"a\000b" Current_thread;
  refuse "not UTF-8" "UTF-8" ~thread_name:"\255" Current_thread;
  (* Linux cuts a long name. *)
  Lwt_rust.Runtime.configure ~thread_name:(String.make 10_000 'x')
    (Multi_thread { workers = Some 1024 });
  Lwt_rust.Runtime.configure ~thread_name:"" (Multi_thread { workers = None })

let configured_late () =
  Lwt_main.run (still_works ());
  refused "late" "started" (fun () -> Lwt_rust.Runtime.configure Current_thread)

let timeouts () =
  List.iter
    (fun timeout ->
      refused (string_of_float timeout) "timeout" (fun () ->
          Lwt_rust.Runtime.shutdown ~timeout ()))
    [ nan; -1.; 2e9; infinity; neg_infinity ];
  still_works ()

(* {1 After the end}: the last case, since there is no way back. *)

let after_shutdown () =
  let promise = Lwt_rust.Promise.create () in
  let pending = Rust.for_ever () in
  let* () = Lwt_rust.Runtime.shutdown ~timeout:0. () in
  let* () = expect "pending" pending (( = ) Lwt_rust.Abandoned) in
  let ended = "lwt_rust was shut down" in
  let* () = rejected "call" ended (Rust.ready ()) in
  let* () = rejected "call that waits" ended (Rust.yield 3 ()) in
  let* () = rejected "closure" ended (Rust.call Lwt.return ()) in
  refused "start" ended (fun () -> Lwt_rust.Runtime.start ());
  refused "run" ended (fun () ->
      elsewhere (fun () ->
          Lwt_rust.Executor.run (fun () -> Rust.Call.yield 1 ())));
  (* Settling a promise works, though Rust can no longer read it. *)
  Lwt_rust.Promise.resolve promise 1;
  (* Functions that need no executor still work. *)
  check_int "a plain function" 3 (F.add 1 2);
  check_int "live" 0 (Lwt_rust.Debug.live ()).tasks;
  let* () = Lwt_rust.Runtime.shutdown () in
  Lwt_rust.Runtime.shutdown ~timeout:1e9 ()

let plain name body = Alcotest.test_case name `Quick body

let () =
  Alcotest.run "bad_inputs"
    [
      ("settings", [ plain "of the runtime" configuration ]);
      ("fork", [ plain "in a forked child" forked_child ]);
      ( "twice",
        [
          plain "configured late" configured_late;
          case "settled twice" settled_twice;
          case "given to Rust twice" given_twice;
          case "taken twice" taken_twice;
          case "cancelled twice" cancelled_twice;
        ] );
      ( "handles",
        [
          case "numbers of nothing" freed_handles;
          case "no promises" no_promise;
          case "values of other types" no_type_of_the_function;
        ] );
      ( "domains",
        [ case "timeouts" timeouts ]
        @ left_out starts_a_domain
            [
              case "the wrong domain" wrong_domain;
              case "after shutdown" after_shutdown;
            ] );
    ]
