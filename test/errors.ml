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

let panics_in_drop waits () =
  let* () =
    expect "panic in drop" (Rust.panic_in_drop waits) (function
      | Lwt_rust.Panic { message; _ } -> message = "panic in a destructor"
      | _ -> false)
  in
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
        ] );
      ( "exceptions",
        [
          case "come back the same" exceptions_come_back_the_same;
          case "have a message" message_of_an_exception;
          Alcotest.test_case "one of a continuation leaves through the loop"
            `Quick exception_of_a_continuation_leaves_through_the_loop;
        ] );
    ]
