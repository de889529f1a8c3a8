(* Crates that know lwt-rust by another path. *)

open Lwt.Syntax
open Support

(* {1 Another name in Cargo.toml} *)

let functions () =
  check_int "sum" 3 (Renamed.sum 1 2);
  check_bool "six arguments" true
    (Renamed.six 1 2 3 4 5 6 = [ 1; 2; 3; 4; 5; 6 ]);
  check_string "a type variable" "x" (Renamed.keep "x");
  check_int "a condition" 4 (Renamed.conditional_length "text");
  check_int "a module" 1 (Renamed.Inner.get ());
  let name () = Lwt.return "Ada" in
  let* greeting = Renamed.greet ~greeting:"Hello" name in
  check_string "a closure" "Hello, Ada" greeting;
  let+ numbers = Lwt_rust.Stream.to_list (Renamed.numbers 3) in
  check_bool "a stream" true (numbers = [ 0; 1; 2 ])

let types () =
  let shapes = [ Renamed.Nothing; Circle { radius = 1. } ] in
  check_bool "variants" true (Renamed.echo shapes = shapes);
  let pages = [ { Renamed.items = [ 1; 5 ] }; { items = [ 2 ] } ] in
  let* largest = Renamed.largest 3L pages in
  check_int "records" 5 largest;
  let+ result = Lwt_result.catch (fun () -> Renamed.largest (-1L) []) in
  check_bool "an exception" true (result = Error Renamed.Empty)

let members () =
  let counter = Renamed.Counter.create 1 in
  let* next = Renamed.Counter.next counter 2 in
  check_int "a method" 3 next;
  let* next = Renamed.count counter in
  check_int "a function of the type" 4 next;
  let texts = { Renamed.after = (fun text -> Lwt.return (text ^ "+")) } in
  let+ text = Renamed.text_after texts "a" in
  check_string "a trait" "a++" text

(* {1 Another crate that has it} *)

let through () =
  let* pair =
    Through.pair_after "four" (fun text -> Lwt.return (String.length text))
  in
  check_bool "a record" true (pair = { Through.first = "four"; second = 4 });
  let names = Through.Names.none () in
  let* length = Through.Names.add names "Ada" in
  check_int "a method" 1 length;
  let answer question = Lwt.return (question ^ " not") in
  let+ answer = Through.ask { Through.answer } in
  check_string "a trait" "why not" answer

let named_again () =
  let+ number = Facade.twice 2 in
  check_int "twice" 4 number

let () =
  Alcotest.run "paths"
    [
      ( "another name",
        [
          case "functions" functions;
          case "types" types;
          case "methods and traits" members;
        ] );
      ( "another crate",
        [ case "by the option" through; case "by extern crate" named_again ] );
    ]
