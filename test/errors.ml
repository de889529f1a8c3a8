(* What a promise is rejected with; and that nothing else is disturbed. *)

open Lwt.Syntax
open Support

let expect name promise check =
  let* result = result promise in
  match result with
  | Ok _ -> Alcotest.failf "%s: expected a rejection" name
  | Error exn ->
      if not (check exn) then
        Alcotest.failf "%s: rejected with %s" name (Printexc.to_string exn);
      Lwt.return_unit

let still_works () =
  let+ n = Rust.yield 2 11 in
  check_int "the next call" 11 n

let errors waits () =
  expect "error" (Rust.fail waits) (function
    | Lwt_rust.Error { message; sources; type_name; backtrace = _ } ->
        message = "the outer error"
        && sources = [ "invalid digit found in string" ]
        && String.ends_with ~suffix:"errors::Outer" type_name
    | _ -> false)

let errors_of_the_system () =
  let is expected = function
    | Unix.Unix_error (error, _, _) -> error = expected
    | _ -> false
  in
  let* () = expect "1" (Rust.io_error 1) (is Unix.EPERM) in
  let* () = expect "2" (Rust.io_error 2) (is Unix.ENOENT) in
  let* () = expect "9999" (Rust.io_error 9999) (is (Unix.EUNKNOWNERR 9999)) in
  still_works ()

let panics waits () =
  let* () =
    expect "panic" (Rust.panic waits) (function
      | Lwt_rust.Panic { message; location; backtrace = _ } ->
          message = "panic of the test"
          && String.starts_with ~prefix:"testing/src/errors.rs:" location
      | _ -> false)
  in
  still_works ()

let panics_with expected call waits () =
  let* () =
    expect expected (call waits) (function
      | Lwt_rust.Panic { message; _ } -> message = expected
      | _ -> false)
  in
  still_works ()

let panics_in_drop = panics_with "panic in a destructor" Rust.panic_in_drop
let panics_in_error = panics_with "panic while it is shown" Rust.panic_in_error

let panics_in_conversion =
  panics_with "panic of a conversion" Rust.panic_in_conversion

let panics_in_task place () =
  let* () =
    expect "panic of a task" (Rust.panic_in_task place) (function
      | Lwt_rust.Panic { message; location; _ } ->
          message = "panic of a task"
          && String.starts_with ~prefix:"testing/src/domains.rs:" location
      | _ -> false)
  in
  still_works ()

let panic_in_waker () =
  let* () = Rust.panic_in_waker () in
  still_works ()

let panics_are_reported () =
  let reported = ref [] in
  Lwt_rust.set_panic_reporter
    (Some (fun { message; _ } -> reported := message :: !reported));
  let* _ = result (Rust.panic true) in
  let* _ = result (Rust.panic_on_tokio ()) in
  let* () = pauses 3 in
  Lwt_rust.set_panic_reporter None;
  check_bool "both" true
    (List.sort compare !reported = [ "panic of a worker"; "panic of the test" ]);
  (* Printed, now: the reporter is not called any more. *)
  let* _ = result (Rust.panic true) in
  check_int "two" 2 (List.length !reported);
  still_works ()

let panic_when_cancelled () =
  let promise = Rust.panic_when_cancelled () in
  let* () = Lwt.pause () in
  Lwt.cancel promise;
  let* () = expect "cancelled" promise (fun exn -> exn = Lwt.Canceled) in
  let* () = pauses 3 in
  still_works ()

let panic_on_a_worker () =
  let* () =
    expect "panic of a worker" (Rust.panic_on_tokio ()) (function
      | Lwt_rust.Error { message; _ } ->
          String.ends_with ~suffix:"panicked with message \"panic of a worker\""
            message
      | _ -> false)
  in
  still_works ()

let abandoned () =
  expect "abandoned" (Rust.abandon ()) (fun exn -> exn = Lwt_rust.Abandoned)

exception Mine of int ref

let exceptions_come_back_the_same () =
  let exn = Mine (ref 0) in
  let same e = e == exn in
  let raises () = raise exn in
  let rejects () = Lwt.fail exn in
  let rejects_later () = Lwt.bind (Lwt.pause ()) (fun () -> Lwt.fail exn) in
  let* () = expect "raises" (Rust.call raises ()) same in
  let* () = expect "rejects" (Rust.call rejects ()) same in
  let* () = expect "rejects later" (Rust.call rejects_later ()) same in
  let* () = expect "raises, called later" (Rust.call_later raises ()) same in
  let* () = expect "awaited" (Rust.await (Lwt.fail exn)) same in
  still_works ()

let message_of_an_exception () =
  let* name, message = Rust.message_of (fun () -> failwith "oh") in
  check_string "name" "Failure" name;
  check_string "message" "Failure(\"oh\")" message;
  let* name, _ = Rust.message_of (fun () -> Lwt.fail Lwt.Canceled) in
  check_bool name true (String.ends_with ~suffix:"Canceled" name);
  let+ name, _ = Rust.message_of (fun () -> raise (Mine (ref 0))) in
  check_bool name true (String.ends_with ~suffix:"Mine" name)

let registered_exceptions () =
  Lwt_rust.register_exception "test.mine" (Mine (ref 0));
  let* mine, traced = Rust.is_mine (fun () -> raise (Mine (ref 1))) in
  check_bool "mine" true mine;
  check_bool "raised, so with a backtrace" true traced;
  let* mine, _ = Rust.is_mine (fun () -> Lwt.fail (Mine (ref 2))) in
  check_bool "rejected" true mine;
  let+ mine, _ = Rust.is_mine (fun () -> Lwt.fail Exit) in
  check_bool "another" false mine

let contains text part =
  let length = String.length part in
  let rec is_at i =
    i + length <= String.length text
    && (String.sub text i length = part || is_at (i + 1))
  in
  is_at 0

let[@inline never] raise_here () = raise (Sys.opaque_identity Exit)

(* The places that a handler sees go on from where the closure raised. *)
let backtraces_go_on () =
  Printexc.record_backtrace true;
  let traced call =
    Lwt.catch
      (fun () -> call (fun () -> Lwt.return (raise_here ())) ())
      (fun exn ->
        let backtrace = Printexc.get_backtrace () in
        check_bool "Exit" true (exn = Exit);
        (* Bytecode programs of this kind have no places. *)
        if Sys.backend_type = Native then
          check_bool backtrace true (contains backtrace "raise_here");
        Lwt.return_unit)
  in
  let* () = traced Rust.call in
  traced Rust.call_later

exception Leaves

let exception_of_a_continuation_leaves_through_the_loop () =
  let hook = !Lwt.async_exception_hook in
  Fun.protect ~finally:(fun () -> Lwt.async_exception_hook := hook) @@ fun () ->
  (Lwt.async_exception_hook := fun exn -> raise exn);
  let first = Rust.yield 1 () and second = Rust.yield 1 2 in
  Lwt.on_success first (fun () -> raise Leaves);
  (match Lwt_main.run (Lwt_unix.sleep 5.) with
  | () -> Alcotest.fail "expected an exception"
  | exception Leaves -> ());
  (* What had completed in the same turn is not lost. *)
  check_int "second" 2 (Lwt_main.run second)

let printed () =
  let shows name text exn = check_string name text (Printexc.to_string exn) in
  shows "error" "Lwt_rust.Error: no\n  caused by: why\n  caused by: deep"
    (Lwt_rust.Error
       {
         message = "no";
         sources = [ "why"; "deep" ];
         type_name = "T";
         backtrace = None;
       });
  shows "panic" "Lwt_rust.Panic: oh, at a.rs:1:2\nframes"
    (Lwt_rust.Panic
       { message = "oh"; location = "a.rs:1:2"; backtrace = Some "frames" });
  shows "abandoned"
    "Lwt_rust.Abandoned: nothing is left that could settle the promise"
    Lwt_rust.Abandoned

let () =
  Alcotest.run "errors"
    [
      ( "errors",
        [
          case "an error at once" (errors false);
          case "an error after a wait" (errors true);
          case "an error of the system" errors_of_the_system;
          case "a dropped resolver" abandoned;
          Alcotest.test_case "printed" `Quick printed;
        ] );
      ( "panics",
        [
          case "at once" (panics false);
          case "after a wait" (panics true);
          case "in a destructor at once" (panics_in_drop false);
          case "in a destructor after a wait" (panics_in_drop true);
          case "in a destructor when cancelled" panic_when_cancelled;
          case "on a worker" panic_on_a_worker;
          case "while an error is shown" (panics_in_error false);
          case "while an error is shown after a wait" (panics_in_error true);
          case "while an error is converted" (panics_in_conversion false);
          case "while an error is converted after a wait"
            (panics_in_conversion true);
          case "in a local task" (panics_in_task 0);
          case "in a scoped task" (panics_in_task 1);
          case "in a task spawned with a handle" (panics_in_task 2);
          case "in a waker" panic_in_waker;
          case "are reported" panics_are_reported;
        ] );
      ( "exceptions",
        [
          case "come back the same" exceptions_come_back_the_same;
          case "have a message" message_of_an_exception;
          case "are known when registered" registered_exceptions;
          case "keep their backtraces" backtraces_go_on;
          Alcotest.test_case "one of a continuation leaves through the loop"
            `Quick exception_of_a_continuation_leaves_through_the_loop;
        ] );
    ]
