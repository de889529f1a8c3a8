(* Methods of Rust types, and Rust modules as OCaml modules. *)

open Lwt.Syntax
open Support
open Rust.Objects

(* How many stores there are, without those that OCaml has lost. *)
let alive () =
  collect ();
  alive ()

let texts = [ ("a", "1"); ("b", "2") ]

(* {1 Receivers} *)

let shared () =
  let store = Store.create () in
  check_int "empty" 0 (Store.length store);
  Store.set store "a" "1";
  collect ();
  check_int "one text" 1 (Store.length store);
  let* found = Store.get store "a" 0.001 in
  check_bool "found" true (found = Some "1");
  let* name = Store.thread store in
  check_bool "a thread of tokio's" true (name <> None);
  let merged = Store.merge store [ store; Store.create () ] in
  check_int "merged" 1 (Store.length merged);
  check_string "kept" "x" (Store.keep store "x");
  check_bool "many arguments" true
    (Store.six store 1 2 3 4 5 = [ 1; 2; 3; 4; 5 ]);
  Lwt.return_unit

let constructed () =
  let* store = Store.open_ texts 0.001 in
  check_int "two texts" 2 (Store.length store);
  let seen = ref [] in
  let* () =
    Store.each store (fun key text ->
        collect ();
        let+ () = Lwt.pause () in
        seen := (key, text) :: !seen)
  in
  check_bool "each" true (List.rev !seen = texts);
  Lwt.return_unit

let constructed_too_many () =
  let texts = List.init 4 (fun i -> (string_of_int i, "")) in
  rejects_with "too many texts" (Store.open_ texts 0.)

(* {1 Values that a method takes} *)

let taken () =
  let* store = Store.open_ texts 0. in
  let* length = Store.close store 10 0.001 in
  check_int "length" 2 length;
  fails_with "was closed" (fun () -> Store.length store);
  let* () = rejects_with "was closed" (Store.close store 10 0.) in
  let* store = Store.open_ texts 0. in
  let* () = rejects_with "too many texts" (Store.close store 1 0.) in
  let* () = rejects_with "was closed" (Store.close store 1 0.) in
  let* store = Store.open_ texts 0. in
  check_int "ended" 2 (Store.end_now store);
  fails_with "was closed" (fun () -> Store.end_now store);
  Lwt.return_unit

(* A method that would take a value which another call uses does nothing. *)
let in_use () =
  let* store = Store.open_ texts 0. in
  let getting = Store.get store "a" 0.01 in
  let* () = rejects_with "still in use" (Store.close store 10 0.) in
  let* found = getting in
  check_bool "found" true (found = Some "1");
  let+ length = Store.close store 10 0. in
  check_int "length" 2 length

(* OCaml keeps the value if another argument is wrong. *)
let wrong_argument () =
  let* store = Store.open_ texts 0. in
  let* () = rejects_with "most" (Store.close store 1000 0.) in
  let+ length = Store.close store 10 0. in
  check_int "length" 2 length

let cancelled () =
  let before = alive () in
  let* store = Store.open_ texts 0. in
  let closing = Store.close store 10 60. in
  check_int "alive" (before + 1) (alive ());
  Lwt.cancel closing;
  let* closed = result closing in
  check_bool "cancelled" true (closed = Error Lwt.Canceled);
  check_int "dropped" before (alive ());
  Lwt.return_unit

let collected () =
  let before = alive () in
  let make () = ignore (Sys.opaque_identity (Store.create ())) in
  for _ = 1 to 100 do
    make ()
  done;
  let rec wait n =
    if alive () > before && n > 0 then
      let* () = Lwt.pause () in
      wait (n - 1)
    else Lwt.return (check_int "alive" before (alive ()))
  in
  wait 100

(* {1 Types and modules} *)

let in_records () =
  let store = Store.create () in
  Store.set store "a" "1";
  let place = Store.place store "a" in
  collect ();
  check_bool "found" true (Store.at place = Some "1");
  check_int "the same store" 1 (Store.length place.store);
  check_bool "another key" true (Store.at { place with key = "b" } = None)

let of_values () =
  let vector = Vector.{ x = 3.; y = 4. } in
  check_bool "norm" true (Vector.norm vector = 5.);
  check_bool "scaled" true (Vector.scale vector 2. = { x = 6.; y = 8. });
  check_bool "norm again" true (Vector.norm vector = 5.)

let modules () =
  let* reply = Http.get [ "a"; "b" ] in
  check_int "status" 1 (status reply);
  check_bool "headers" true (reply.headers = [ { name = "a" }; { name = "b" } ]);
  let header : Http.header = { name = "a" } in
  let other = Http.Http2.get header [ "b" ] in
  check_bool "header" true (other = { name = "a"; values = [ "b" ] });
  check_bool "back" true (Http.Http2.back other = { name = "ab" });
  let* refused = result (Http.get [ "a" ]) in
  check_bool "refused" true (refused = Error (Http.Refused "a"));
  Lwt.return_unit

(* Many calls at once, some of which want the value for themselves. *)
let at_once () =
  let before = alive () in
  let* () =
    Lwt_list.iter_p
      (fun n ->
        let* store = Store.open_ texts (float n /. 50000.) in
        let getting = Store.get store "a" (float (n mod 3) /. 5000.) in
        if n mod 7 = 0 then collect ();
        let* closed = result (Store.close store 10 0.) in
        let* found = getting in
        check_bool "found" true (found = Some "1");
        match closed with
        | Ok length -> Lwt.return (check_int "length" 2 length)
        | Error _ ->
            let+ length = Store.close store 10 0. in
            check_int "length" 2 length)
      (List.init 100 Fun.id)
  in
  check_int "alive" before (alive ());
  Lwt.return_unit

let () =
  Alcotest.run "objects"
    [
      ( "methods",
        [
          case "that share the value" shared;
          case "that make it" constructed;
          case "that fail to make it" constructed_too_many;
          case "at once" at_once;
          case "of values collected" collected;
          Alcotest.test_case "of records that OCaml has" `Quick of_values;
        ] );
      ( "taking the value",
        [
          case "once" taken;
          case "in use" in_use;
          case "with a wrong argument" wrong_argument;
          case "cancelled" cancelled;
        ] );
      ( "modules",
        [
          Alcotest.test_case "records in them" `Quick in_records;
          case "inside others" modules;
        ] );
    ]
