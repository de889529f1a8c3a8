(* Items with [cfg] and [cfg_attr] within them, and a crate for Rust that OCaml
   uses too. *)

open Lwt.Syntax
open Support
open Rust.Conditions

(* {1 Functions} *)

let arguments () =
  check_bool "three arguments" true (some_arguments 1 2 3 = [ 1; 2; 3 ])

let options () =
  let* joined = some_options ~text:"a" 3 ~between:"-" () in
  check_string "joined" "a-a-a" joined;
  let+ joined = some_options ~text:"a" 2 () in
  check_string "without the optional argument" "aa" joined

let attribute () = check_int "attribute" 4 (with_attribute ~n:4)

(* {1 Types} *)

let fields () =
  let value = { first = 1; b = "text" } in
  check_bool "the same" true (echo_fields value = value)

let variants () =
  let values = [ One 1; Second { text = "text" } ] in
  check_bool "the same" true (echo_variants values = values)

(* {1 Methods and traits} *)

let methods () =
  let texts = Texts.create [ "a"; "b" ] in
  let* joined = Texts.join texts ~between:"-" in
  check_string "joined" "a-b" joined;
  let texts = Texts.create [ "a"; "b"; "c" ] in
  let+ result = Lwt_result.catch (fun () -> Texts.join texts ~between:"-") in
  check_bool "an exception" true (result = Error (TooLong 3))

let traits () =
  let seen = ref [] in
  let lines =
    {
      take =
        (fun line ->
          seen := line :: !seen;
          Lwt.pause ());
      finish = (fun () -> Lwt.return (List.length !seen));
    }
  in
  let+ length = write_lines lines [ "a"; "b" ] in
  check_int "two lines" 2 length;
  check_bool "the lines" true (!seen = [ "b"; "a" ])

(* {1 A crate for Rust} *)

let crate_for_rust () =
  check_string "shortened" "te." (Optional.shorten "text" ~most:2 '.');
  (match Optional.shorten "" ~most:2 '.' with
  | _ -> Alcotest.fail "an empty text is rejected"
  | exception Optional.Empty -> ());
  let words = Optional.Words.create () in
  check_int "once" 1 (Optional.Words.add_word words "a").times;
  check_bool "twice" true
    (Optional.Words.add_word words "a" = { Optional.word = "a"; times = 2 });
  match Optional.Words.add_word words "a1" with
  | _ -> Alcotest.fail "a digit is rejected"
  | exception Optional.Bad_letter letter -> check_string "letter" "1" letter

let () =
  Alcotest.run "conditions"
    [
      ( "functions",
        [
          Alcotest.test_case "arguments" `Quick arguments;
          case "options of arguments" options;
          Alcotest.test_case "the attribute itself" `Quick attribute;
        ] );
      ( "types",
        [
          Alcotest.test_case "fields" `Quick fields;
          Alcotest.test_case "variants" `Quick variants;
        ] );
      ("members", [ case "methods" methods; case "of a trait" traits ]);
      ( "crates",
        [ Alcotest.test_case "for Rust and OCaml" `Quick crate_for_rust ] );
    ]
