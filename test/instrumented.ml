(* Functions with [tracing::instrument], above our attribute and below it. *)

open Lwt.Syntax
open Support
open Rust.Instrumented

let check_seen expected =
  Alcotest.(check (list string)) "spans and events" expected (recorded ())

(* {1 Functions} *)

let plain () =
  check_int "above" 1 (above 1 ~text:"a");
  check_seen [ "span above n=1 text=\"a\""; "event in above message=inside" ];
  check_int "below" 2 (below 2 ~text:"b");
  check_seen [ "span below n=2 text=\"b\""; "event in below message=inside" ]

let asynchronous () =
  let* n = above_later 3 in
  check_int "above" 3 n;
  check_seen
    [ "span above_later n=3"; "event in above_later message=after the wait" ];
  let before = exits () in
  let* n =
    below_later 4 (fun n ->
        let+ () = Lwt.pause () in
        (* The function has waited, so its span is not the present one. *)
        check_bool "left" true (exits () > before);
        n + 1)
  in
  check_int "below" 5 n;
  check_seen [ "span below_later n=4 more=5"; "event in below_later next=5" ];
  let+ n = below_local 5 in
  check_int "local" 5 n;
  check_seen [ "span below_local n=5" ]

let failing () =
  let+ () = rejects_with "zero" (above_later 0) in
  check_seen
    [
      "span above_later n=0";
      "event in above_later message=after the wait";
      "event in above_later error=zero";
    ]

let blocking () =
  let* n = above_blocking 1 in
  check_int "above" 1 n;
  check_seen
    [ "span above_blocking n=1"; "event in above_blocking message=inside" ];
  let+ n = below_blocking 2 in
  check_int "below" 2 n;
  check_seen
    [ "span below_blocking n=2"; "event in below_blocking message=inside" ]

let generic () =
  check_string "above" "a" (above_generic "a");
  check_string "below" "b" (below_generic "b");
  check_seen [ "span above_generic"; "span below_generic" ]

let streams () =
  let* numbers = Lwt_rust.Stream.to_list (above_stream 2) in
  check_bool "above" true (numbers = [ 0; 1 ]);
  let* stream = below_stream 3 in
  let+ numbers = Lwt_rust.Stream.to_list stream in
  check_bool "below" true (numbers = [ 0; 1; 2 ]);
  check_seen [ "span above_stream most=2"; "span below_stream most=3" ]

let condition () =
  check_int "below" 1 (below_condition 1);
  check_seen [ "span below_condition n=1" ]

(* {1 Methods} *)

let methods () =
  let account = Account.create 10 in
  check_int "above" 11 (Account.balance_plus account 1);
  let* left = Account.minus account 1 in
  check_int "below" 9 left;
  let+ balance = Account.close account 0.001 in
  check_int "async" 10 balance;
  check_seen
    [
      "span new balance=10";
      "span plus self=Account(10) n=1";
      "span taken from n=1";
      "span close after=1ms";
      "event in close message=closed";
    ]

let () =
  start_recording ();
  Alcotest.run "instrumented"
    [
      ( "functions",
        [
          Alcotest.test_case "plain" `Quick plain;
          case "asynchronous" asynchronous;
          case "failing" failing;
          case "blocking" blocking;
          Alcotest.test_case "generic" `Quick generic;
          case "streams" streams;
          Alcotest.test_case "with a condition" `Quick condition;
        ] );
      ("methods", [ case "of all kinds" methods ]);
    ]
