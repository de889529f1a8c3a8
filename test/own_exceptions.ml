(* Errors of all types become exceptions: messages, boxes, errors of other crates, and
   errors that have exceptions of their own. *)

open Lwt.Syntax
open Support

exception Mine of int ref

let nothing () = Lwt.return_unit

(* A closure that fails with an exception, and a check that it is physically the same. *)
let failing () =
  let exn = Mine (ref 0) in
  ((fun () -> Lwt.fail exn), fun e -> e == exn)

let is_error ?(sources = []) ?(cause = fun cause -> cause = None) expected =
  function
  | Lwt_rust.Error error ->
      error.message = expected && error.sources = sources
      && error.type_name = None && cause error.cause
  | _ -> false

let is_enoent = ( = ) (Unix.Unix_error (ENOENT, "", ""))
let caused_by is = function Some cause -> is cause | None -> false

let messages () =
  (match Rust.fail_with_string "a string" with
  | () -> Alcotest.fail "expected an exception"
  | exception exn -> check_bool "string" true (is_error "a string" exn));
  let* () = expect "text" (Rust.fail_with_text ()) (is_error "a text") in
  let fails kind =
    expect kind (Rust.fail_in_turn kind nothing) (is_error "a text")
  in
  let* () = fails "string" in
  fails "text"

let boxes () =
  let fails ?(f = nothing) kind = expect kind (Rust.fail_in_box kind f) in
  let* () = fails "number" (is_error "invalid digit found in string") in
  let* () = fails "text" (is_error "a text") in
  let* () = fails "io" is_enoent in
  let* () = fails "store" (( = ) (Rust.Missing "k")) in
  let f, same = failing () in
  fails ~f "closure" same

let anyhow () =
  let fails ?(f = nothing) kind = expect kind (Rust.fail_with_anyhow kind f) in
  let enoent = "No such file or directory (os error 2)" in
  let conflict = Rust.Conflict { key = "k"; version = 3 } in
  let* () = fails "message" (is_error "a text") in
  let* () = fails "io" is_enoent in
  let* () =
    fails "io below"
      (is_error "outer" ~sources:[ "inner"; enoent ]
         ~cause:(caused_by is_enoent))
  in
  let* () = fails "store" (( = ) conflict) in
  let* () =
    fails "store below"
      (is_error "outer"
         ~sources:[ "Conflict { key: \"k\", version: 3 }" ]
         ~cause:(caused_by (( = ) conflict)))
  in
  let* () = fails "text below" (is_error "outer" ~sources:[ "inner" ]) in
  let f, same = failing () in
  let* () = fails ~f "closure" same in
  let* () =
    fails ~f "closure below" (function
      | Lwt_rust.Error { message = "outer"; cause = Some cause; _ } ->
          same cause
      | _ -> false)
  in
  fails "time-out below" (function
    | Lwt_rust.Error { cause = Some Lwt_unix.Timeout; _ } -> true
    | _ -> false)

let eyre () =
  let fails ?(f = nothing) kind = expect kind (Rust.fail_with_eyre kind f) in
  let* () = fails "message" (is_error "a text") in
  let* () = fails "io" is_enoent in
  let* () =
    fails "io below" (function
      | Lwt_rust.Error { message = "outer"; cause = Some cause; _ } ->
          is_enoent cause
      | _ -> false)
  in
  let f, same = failing () in
  fails ~f "closure" same

let through_other_errors () =
  let fails ?(f = nothing) kind = expect kind (Rust.fail_in_turn kind f) in
  let* () =
    (* Its box has the type of the crate, and the content shows through. *)
    fails "unknown" is_enoent
  in
  let* () = fails "anyhow" is_enoent in
  let f, same = failing () in
  let* () = fails ~f "through anyhow" same in
  let* () = fails ~f "through a box" same in
  let* () = fails ~f "through io" same in
  let* () = fails "within io" (( = ) (Rust.Missing "k")) in
  fails "panic" (function Lwt_rust.Error _ -> true | _ -> false)

(* {1 Exceptions of an error type} *)

let cases =
  [
    ("missing", Rust.Missing "k");
    ("conflict", Rust.Conflict { key = "k"; version = 3 });
    ("closed", Rust.Closed);
    ("pair", Rust.Couple (1, 2.5));
    ("tuple", Rust.Tuple (1, 2.5));
    ("floats", Rust.Floats { x = 1.5; y = 2.5 });
    ("deep", Rust.Too_deep [ []; [ "a"; "b" ] ]);
    ("failed", Failure "f");
    ("nothing", Not_found);
    ("many", Known.Many (1, "m", true));
    ("named", Known.Named { name = "n"; size = 7 });
    ("query", Rust.Query { sql = "select" });
    ("skipped", Rust.Skipped);
  ]

let own () =
  let* () =
    Lwt_list.iter_s
      (fun (kind, exn) ->
        let is found =
          Gc.full_major ();
          found = exn
        in
        (match Rust.raise_of_store kind with
        | () -> Alcotest.fail "expected an exception"
        | exception found -> check_bool kind true (is found));
        let* () = expect kind (Rust.fail_of_store kind false) is in
        expect kind (Rust.fail_of_store kind true) is)
      cases
  in
  expect "a struct" (Rust.refuse ()) (function
    | Rust.Refused { reason = "full" } -> true
    | _ -> false)

let transparent () =
  let fails kind = expect kind (Rust.fail_of_store kind true) in
  let missing = ( = ) (Rust.Missing "k") in
  let* () = fails "io" is_enoent in
  let* () = fails "any" is_enoent in
  let* () = fails "any store" missing in
  let* () = fails "boxed" is_enoent in
  let* () = fails "shared" is_enoent in
  let* () = fails "ours" missing in
  let* () = fails "std" missing in
  let* () =
    fails "message" (function
      | Lwt_rust.Error { type_name = Some name; _ } ->
          String.ends_with ~suffix:"StoreError" name
      | _ -> false)
  in
  let* () =
    expect "number" (Rust.fail_of_store "number" true) (function
      | Lwt_rust.Error { message; type_name = Some name; _ } ->
          message = "no number: invalid digit found in string"
          && String.ends_with ~suffix:"StoreError" name
      | _ -> false)
  in
  let f, same = failing () in
  let* () = expect "closure" (Rust.fail_of_closure f) same in
  expect "closure that panics"
    (Rust.fail_of_closure (fun () -> Rust.panic false))
    (function Lwt_rust.Panic _ -> true | _ -> false)

let without_an_exception () =
  let* () =
    expect "large" (Rust.fail_of_store "large" true) (function
      | Lwt_rust.Error { message; _ } ->
          message = Printf.sprintf "Large(%s)" "18446744073709551615"
      | _ -> false)
  in
  let* () =
    expect "panic of a clone" (Rust.fail_of_store "clone" true) (function
      | Lwt_rust.Panic { message = "panic of a clone"; _ } -> true
      | _ -> false)
  in
  still_works ()

(* Code of the error's type panics, or never ends. *)
let strange_errors () =
  let fails kind is =
    let* () = expect kind (Rust.fail_strangely kind false) is in
    expect kind (Rust.fail_strangely kind true) is
  in
  let panics expected = function
    | Lwt_rust.Panic { message; _ } -> message = expected
    | _ -> false
  in
  let* () = fails "both" (panics "panic while it is shown") in
  let* () = fails "drop" (panics "panic of a destructor") in
  let* () =
    fails "endless" (function
      | Lwt_rust.Error { message = "endless"; sources; _ } ->
          List.length sources = 1000
      | _ -> false)
  in
  let exn = Rust.DropPanics 3 in
  let same e = e == exn in
  let* () =
    expect "later" (Rust.give_back_later (fun () -> Lwt.fail exn)) same
  in
  (match Rust.give_back_now (fun () -> raise exn) with
  | () -> Alcotest.fail "expected an exception"
  | exception e -> check_bool "now" true (same e));
  still_works ()

let in_streams () =
  let items = Rust.item_and_error () in
  let* first = Lwt_rust.Stream.next items in
  check_bool "first" true (first = Some 1);
  expect "error" (Lwt_rust.Stream.next items) (( = ) (Rust.Missing "k"))

let in_domains () =
  let caught =
    Domain.join
      (Domain.spawn (fun () ->
           match
             Lwt_rust.Executor.run (fun () ->
                 Rust.Call.fail_of_store "many" true)
           with
           | () -> None
           | exception exn -> Some exn))
  in
  check_bool "many" true (caught = Some (Known.Many (1, "m", true)))

(* {1 The other way} *)

let to_rust () =
  let is expected exn =
    let raises () =
      let () = raise exn in
      Lwt.return_unit
    in
    let rejects () =
      let* () = Lwt.pause () in
      Gc.full_major ();
      Lwt.fail exn
    in
    let check f =
      let* found = Rust.error_of f in
      check_string "error" expected found;
      let+ found = Rust.error_on_tokio f in
      check_string "error, on tokio" expected found
    in
    let* () = check raises in
    let* () = check rejects in
    expect "given back" (Rust.give_error_back rejects) (fun e -> e == exn)
  in
  let* () = is "Missing(\"k\")" (Rust.Missing "k") in
  let* () =
    is "Conflict { key: \"a\", version: 1 }"
      (Rust.Conflict { key = "a"; version = 1 })
  in
  let* () = is "Closed" Rust.Closed in
  let* () = is "Couple(3, 4.5)" (Rust.Couple (3, 4.5)) in
  let* () = is "Tuple((3, 4.5))" (Rust.Tuple (3, 4.5)) in
  let* () = is "Floats { x: 0.5, y: 1.5 }" (Rust.Floats { x = 0.5; y = 1.5 }) in
  let* () = is "Depth([[\"x\"], []])" (Rust.Too_deep [ [ "x" ]; [] ]) in
  let* () = is "Failed(\"oh\")" (Failure "oh") in
  let* () = is "Nothing" Not_found in
  let* () = is "Many(5, \"z\", false)" (Known.Many (5, "z", false)) in
  let* () =
    is "Named { name: \"x\", size: 2 }" (Known.Named { name = "x"; size = 2 })
  in
  let* () = is "Refused { reason: \"no\" }" (Rust.Refused { reason = "no" }) in
  let* () = is "NotFound" (Unix.Unix_error (ENOENT, "open", "file")) in
  let* () = is "another" Exit in
  let* () = is "another" (Rust.Query { sql = "select" }) in
  (* A value of the type that Rust cannot have. *)
  let* () = is "another" (Rust.Conflict { key = "a"; version = -1 }) in
  let* found = Rust.error_of nothing in
  check_string "no error" "none" found;
  still_works ()

let printed () =
  let shows expected exn =
    check_string expected expected (Printexc.to_string exn)
  in
  shows "Dune__exe__Rust.Missing: k is missing" (Rust.Missing "k");
  shows "Dune__exe__Rust.Refused: refused: full"
    (Rust.Refused { reason = "full" });
  (* Showing it panics. *)
  shows "Dune__exe__Rust.Closed" Rust.Closed;
  shows "Dune__exe__Known.Many(1, \"m\", 1)" (Known.Many (1, "m", true));
  shows "Not_found" Not_found;
  shows "Stdlib.Exit" Exit

let () =
  Alcotest.run "own_exceptions"
    [
      ( "errors of all types",
        [
          case "messages" messages;
          case "boxes" boxes;
          case "anyhow" anyhow;
          case "eyre" eyre;
          case "through other errors" through_other_errors;
        ] );
      ( "exceptions of an error type",
        [
          case "their arguments" own;
          case "transparent" transparent;
          case "without an exception" without_an_exception;
          case "strange errors" strange_errors;
          case "in streams" in_streams;
          Alcotest.test_case "printed" `Quick printed;
        ] );
      ( "in a domain",
        left_out starts_a_domain
          [ Alcotest.test_case "in domains" `Quick in_domains ] );
      ("to Rust", [ case "by type" to_rust ]);
    ]
