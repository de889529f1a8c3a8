(* Types of other crates, and JSON. *)

open Support
open Round_trip
open QCheck2
module R = Rust.Foreign

let text = Gen.(string_size ~gen:printable (int_bound 20))

let uuid =
  Gen.map
    (fun parts ->
      match List.map (Printf.sprintf "%04x") parts with
      | [ a; b; c; d; e; f; g; h ] ->
          Printf.sprintf "%s%s-%s-%s-%s-%s%s%s" a b c d e f g h
      | _ -> assert false)
    Gen.(list_size (return 8) (int_bound 0xffff))

let close a b = Float.abs (a -. b) <= 1e-5 *. Float.max 1. (Float.abs a /. 1e9)
let time = Gen.float_range (-8e12) 8e12

(* Members have different names, in the order of Rust's. *)
let assoc members =
  `Assoc (List.sort_uniq (fun (a, _) (b, _) -> String.compare a b) members)

let json =
  let leaf =
    Gen.oneof
      [
        Gen.return `Null;
        Gen.map (fun bool -> `Bool bool) Gen.bool;
        Gen.map (fun int -> `Int int) Gen.int;
        Gen.map
          (fun float -> `Float (if Float.is_finite float then float else 0.5))
          Gen.float;
        Gen.map (fun string -> `String string) text;
        Gen.oneof
          (List.map Gen.return
             [
               `Int max_int;
               `Int min_int;
               `Intlit (Int64.to_string Int64.max_int);
               `Intlit (Int64.to_string Int64.min_int);
               `Intlit "18446744073709551615";
             ]);
      ]
  in
  Gen.sized_size (Gen.int_bound 30)
    (Gen.fix (fun self size ->
         if size = 0 then leaf
         else
           Gen.oneof
             [
               leaf;
               Gen.map
                 (fun list -> `List list)
                 Gen.(list_size (int_bound 4) (self (size / 2)));
               Gen.map assoc
                 Gen.(list_size (int_bound 4) (pair text (self (size / 2))));
             ]))

let round_trips =
  [
    round_trip "uuid" uuid R.echo_uuid;
    round_trip "chrono" ~equal:close time R.echo_chrono;
    round_trip "list of chrono" ~equal:(List.equal close)
      Gen.(list time)
      R.echo_chronos;
    round_trip "json" json R.echo_json;
    round_trip "list of json" Gen.(list_size (int_bound 5) json) R.echo_jsons;
  ]

let urls () =
  check_string "url" "https://xn--bcher-kva.example/a?b=c"
    (R.echo_url "HTTPS://bücher.example/a?b=c");
  fails_with "\"no url\" is no URL" (fun () -> R.echo_url "no url")

let out_of_range () =
  fails_with "\"12\" is no UUID" (fun () -> R.echo_uuid "12");
  List.iter
    (fun seconds ->
      fails_with "seconds since 1970 are no point in time of chrono's"
        (fun () -> R.echo_chrono seconds))
    [ 1e14; -1e14; Float.nan; Float.infinity ]

let all_of_json () =
  let expected : Lwt_rust.Json.t =
    `Assoc
      [
        ("bools", `List [ `Bool true; `Bool false ]);
        ("empty", `List [ `List []; `Assoc [] ]);
        ("float", `Float 0.5);
        ( "ints",
          `List
            [
              `Int 0;
              `Int (-5);
              `Int max_int;
              `Intlit "4611686018427387904";
              `Intlit "-4611686018427387905";
              `Intlit "18446744073709551615";
            ] );
        ("null", `Null);
        ("text", `String "a");
      ]
  in
  check_bool "made in Rust" true (R.some_json () = expected);
  check_string "made in OCaml" {|{"a":[1,null,2.5],"b":7}|}
    (R.json_text
       (`Assoc
          [
            ("b", `Int 6);
            ("a", `List [ `Int 1; `Null; `Float 2.5 ]);
            ("b", `Int 7);
          ]))

let wrong_json () =
  let fails part json =
    fails_with part (fun () -> R.json_text (`List [ json ]))
  in
  fails "NaN is no number of JSON" (`Float Float.nan);
  fails "inf is no number of JSON" (`Float Float.infinity);
  fails "`Intlit \"1x\" is no integer of 64 bits" (`Intlit "1x");
  fails "`Intlit \"18446744073709551616\" is no integer"
    (`Intlit "18446744073709551616");
  fails "not of type Lwt_rust.Json.t" (Obj.magic `Other : Lwt_rust.Json.t);
  fails "not of type Lwt_rust.Json.t" (Obj.magic 5. : Lwt_rust.Json.t)

let deep () =
  let rec nest levels json =
    if levels = 0 then json else nest (levels - 1) (`List [ json ])
  in
  check_int "900" 1804 (String.length (R.json_text (nest 900 `Null)));
  fails_with "too deep" (fun () -> R.json_text (nest 1_000_000 `Null))

let deep_of_rust () =
  let rec levels n : Lwt_rust.Json.t -> int = function
    | `List [ inner ] | `Assoc [ (_, inner) ] -> levels (n + 1) inner
    | _ -> n
  in
  List.iter
    (fun is_object ->
      check_int "5,000 from Rust" 5_000 (levels 0 (R.deep_json 5_000 is_object));
      match R.deep_json 1_000_000 is_object with
      | json -> check_int "a million from Rust" 1_000_000 (levels 0 json)
      | exception Lwt_rust.Error { message; _ } ->
          check_bool message true (contains message "too deep"))
    [ false; true ]

let () =
  Alcotest.run "foreign"
    [
      ("there and back", round_trips);
      ( "others",
        [
          Alcotest.test_case "URLs" `Quick urls;
          Alcotest.test_case "out of range" `Quick out_of_range;
          Alcotest.test_case "all of JSON" `Quick all_of_json;
          Alcotest.test_case "wrong JSON" `Quick wrong_json;
        ]
        @ left_out
            [
              (Memcheck, "it fills the stack, which valgrind has a part of");
              ( Thread_sanitizer,
                "it fills the stack, which ThreadSanitizer has one beside" );
            ]
            [
              Alcotest.test_case "deep JSON" `Quick deep;
              Alcotest.test_case "deep JSON of Rust's" `Quick deep_of_rust;
            ] );
    ]
