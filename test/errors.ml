(* Errors and exceptions, and the promises that are rejected with them. *)

open Lwt.Syntax
open Support

let errors waits () =
  expect "error" (Rust.fail waits) (function
    | Lwt_rust.Error
        {
          message;
          sources;
          type_name = Some type_name;
          backtrace = _;
          cause = None;
        } ->
        message = "the outer error"
        && sources = [ "invalid digit found in string" ]
        && String.ends_with ~suffix:"errors::Outer" type_name
    | _ -> false)

let message_alone () =
  expect "error" (Rust.fail_if true) (function
    | Lwt_rust.Error { message; sources; type_name; backtrace = _; cause } ->
        message = "as told" && sources = [] && type_name = None && cause = None
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

let errors_of_tokio () =
  let fails name is_time_out expected =
    expect name (Rust.fail_as_tokio is_time_out) (( = ) expected)
  in
  let* () = fails "a time-out" true Lwt_unix.Timeout in
  let* () = fails "an aborted task" false Lwt.Canceled in
  still_works ()

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

let[@inline never] raise_here () = raise (Sys.opaque_identity Exit)

(* The backtrace that a handler sees begins where the closure raised. *)
let backtraces_go_on () =
  Printexc.record_backtrace true;
  let traced call =
    Lwt.catch
      (fun () -> call (fun () -> Lwt.return (raise_here ())) ())
      (fun exn ->
        let backtrace = Printexc.get_backtrace () in
        check_bool "Exit" true (exn = Exit);
        (* These bytecode programs have no places in their backtraces. *)
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
  (* The second call completed in the same turn, and is not lost. *)
  check_int "second" 2 (Lwt_main.run second)

let printed () =
  let shows name text exn = check_string name text (Printexc.to_string exn) in
  shows "error" "Lwt_rust.Error: no\n  caused by: why\n  caused by: deep"
    (Lwt_rust.Error
       {
         message = "no";
         sources = [ "why"; "deep" ];
         type_name = Some "T";
         backtrace = None;
         cause = None;
       });
  shows "panic" "Lwt_rust.Panic: oh, at a.rs:1:2"
    (Lwt_rust.Panic
       { message = "oh"; location = Some "a.rs:1:2"; backtrace = None });
  shows "panic somewhere" "Lwt_rust.Panic: oh"
    (Lwt_rust.Panic { message = "oh"; location = None; backtrace = None });
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
          case "a message alone" message_alone;
          case "an error of the system" errors_of_the_system;
          case "a time-out, an aborted task" errors_of_tokio;
          Alcotest.test_case "printed" `Quick printed;
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
