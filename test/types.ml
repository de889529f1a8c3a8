(* Types that people write, there and back: pointers, recursive types, integers of all sizes,
   addresses, and types that stand for others. *)

open Lwt.Syntax
open Support
open Round_trip
open QCheck2

let some_of gen others = Gen.(oneof (gen :: List.map return others))
let int64 = some_of Gen.int64 Int64.[ min_int; max_int; 0L; -1L ]
let int32 = some_of Gen.int32 Int32.[ min_int; max_int; 0l; -1l ]

let nativeint =
  some_of Gen.(map Nativeint.of_int int) Nativeint.[ min_int; max_int; -1n ]

let text = Gen.(string_size ~gen:printable (int_bound 20))
let byte = Gen.int_bound 255

let v4 =
  Gen.map
    (fun (a, b, c, d) ->
      Unix.inet_addr_of_string (Printf.sprintf "%d.%d.%d.%d" a b c d))
    Gen.(quad byte byte byte byte)

let v6 =
  Gen.map
    (fun parts ->
      let parts = List.map (Printf.sprintf "%x") parts in
      Unix.inet_addr_of_string (String.concat ":" parts))
    Gen.(list_size (return 8) (int_bound 0xffff))

let address = Gen.oneof [ v4; v6 ]

let socket_address =
  Gen.map2
    (fun address port -> Unix.ADDR_INET (address, port))
    address (Gen.int_bound 0xffff)

(* Microseconds, before 1970 and after it. *)
let time =
  Gen.map
    (fun n -> float_of_int n /. 1e6)
    (Gen.int_range (-1_000_000_000_000_000) 4_000_000_000_000_000)

let close a b = Float.abs (a -. b) < 1e-6

let expression =
  Gen.(
    sized_size (int_bound 12)
      (fix (fun self n ->
           let number = map (fun x -> Rust.Number x) (float_range (-9.) 9.) in
           if n = 0 then number
           else
             let inner = self (n / 2) in
             oneof
               [
                 number;
                 map (fun e -> Rust.Negated e) inner;
                 map2 (fun e f -> Rust.Added (e, f)) inner inner;
                 map2
                   (fun name arguments -> Rust.Called { name; arguments })
                   text
                   (list_size (int_bound 3) inner);
               ])))

let module_ =
  Gen.(
    sized_size (int_bound 8)
      (fix (fun self n ->
           let statement =
             let value = map (fun e -> Rust.Value e) expression in
             if n = 0 then value
             else oneof [ value; map (fun m -> Rust.Inner m) (self (n / 2)) ]
           in
           let* name = text and* body = list_size (int_bound 3) statement in
           let+ next = if n = 0 then return None else option (self (n / 2)) in
           { Rust.name; body; next })))

let entry =
  Gen.(
    let* id = int64 and* change = int64 and* mode = int32 in
    let+ size = nativeint and+ name = text in
    { Rust.id; change; mode; size; name })

let round_trips =
  [
    round_trip "int64" int64 Rust.echo_int64;
    round_trip "int32" int32 Rust.echo_int32;
    round_trip "nativeint" nativeint Rust.echo_nativeint;
    round_trip "int64 in a list"
      Gen.(list_size (int_bound 9) (option int64))
      Rust.echo_int64s;
    round_trip "addresses" address Rust.echo_address;
    round_trip "addresses, 4" v4 Rust.echo_v4;
    round_trip "addresses, 6" v6 Rust.echo_v6;
    round_trip "addresses of sockets" socket_address Rust.echo_socket_address;
    round_trip "times" ~equal:close time Rust.echo_time;
    round_trip "times in an array"
      ~equal:(fun a b -> Array.for_all2 close a b)
      Gen.(array_size (int_bound 9) time)
      Rust.echo_times;
    round_trip "boxes" Gen.int Rust.echo_boxed;
    round_trip "boxes of floats"
      Gen.(array_size (int_bound 9) (float_range (-9.) 9.))
      Rust.echo_boxed_float;
    round_trip "shared lists"
      Gen.(list_size (int_bound 9) bool)
      Rust.echo_shared_list;
    round_trip "Cow" text Rust.echo_cow;
    round_trip "Arc<str>" text Rust.echo_shared_text;
    round_trip "Rc<str>" text Rust.echo_local_text;
    round_trip "expressions" expression Rust.echo_expression;
    round_trip "expressions in boxes" expression Rust.echo_boxed_expression;
    round_trip "types that contain each other" module_ Rust.echo_module;
    round_trip "fields of 64 bits" entry Rust.echo_entry;
    round_trip "fields that are floats"
      ~equal:(fun (a : Rust.spans) (b : Rust.spans) ->
        close a.first b.first && a.second = b.second)
      Gen.(
        map2
          (fun first second -> { Rust.first; second })
          (float_range 0. 1e6) (float_range (-9.) 9.))
      Rust.echo_spans;
    round_trip "an alias" int64 Rust.echo_id;
    round_trip "a polymorphic variant"
      Gen.(
        oneof
          [
            return `Began;
            map (fun id -> `Ended id) int64;
            map2 (fun n m -> `Moved (float_of_int n, m)) (int_bound 1000) int;
          ])
      Rust.echo_happening;
  ]

(* {1 Types with parameters} *)

let number = Gen.float_range (-9.) 9.

let page item =
  Gen.(
    let* items = list_size (int_bound 9) item in
    let+ array = array_size (int_bound 9) item and+ next = option text in
    { Rust.items; array; next })

let both key value = Gen.map2 (fun key value -> { Rust.key; value }) key value

let tree item =
  Gen.(
    sized_size (int_bound 8)
      (fix (fun self n ->
           let named = map (fun label -> Rust.Named { label }) item in
           if n = 0 then oneof [ return Rust.End; named ]
           else
             let inner = self (n / 2) in
             map3
               (fun left item right -> Rust.Branch (left, item, right))
               inner item inner)))

let with_parameters =
  [
    round_trip "a page" (page Gen.int) Rust.echo_page;
    round_trip "a page of floats" (page number) Rust.echo_page_of_floats;
    round_trip "a page of records" (page entry) Rust.echo_page_of_entries;
    round_trip "a record of two floats" (both number number) Rust.echo_both;
    round_trip "two parameters"
      Gen.(list_size (int_bound 9) (both int text))
      Rust.echo_boths;
    round_trip "a tree" (tree Gen.(option text)) Rust.echo_tree_of;
    round_trip "an alias of a parameter" number Rust.echo_wrapped;
    round_trip "an array of them"
      Gen.(array_size (int_bound 9) number)
      Rust.echo_wrapped_floats;
    round_trip "a polymorphic variant with a parameter"
      Gen.(
        oneof
          [
            return `Nothing;
            map (fun x -> `One x) number;
            map2
              (fun x list -> `Several (x, list))
              number
              (list_size (int_bound 9) number);
          ])
      Rust.echo_found;
    round_trip "types in types"
      ~equal:(fun (a : string Rust.book) (b : string Rust.book) ->
        a.pages = b.pages
        && List.sort compare a.index = List.sort compare b.index)
      Gen.(
        let* pages = list_size (int_bound 3) (page text) in
        let+ value = both text int in
        { Rust.pages; index = [ ("a", value); ("b", value) ] })
      Rust.echo_book;
    round_trip "a flat record"
      (Gen.map2 (fun x y -> { Rust.x; y }) number number)
      Rust.echo_spot;
  ]

let any_parameter () =
  let first items =
    Rust.first_of_page { Rust.items; array = [||]; next = None }
  in
  check_bool "strings" true (first [ "a"; "b" ] = Some "a");
  check_bool "floats" true (first [ 1.5 ] = Some 1.5);
  check_bool "none" true (first [] = None)

let in_closures () =
  let+ items =
    Rust.with_page (fun { Rust.items; array; next } ->
        check_bool "array" true (array = [| 3 |] && next = None);
        Gc.full_major ();
        let items = List.map (fun n -> n = 2) items in
        Lwt.return { Rust.items; array = [| true |]; next })
  in
  check_bool "items" true (items = [ false; true ])

let large_integers () =
  let largest = "340282366920938463463374607431768211455" in
  check_string "u128" largest (Rust.echo_u128 largest);
  let least = "-170141183460469231731687303715884105728" in
  check_string "i128" least (Rust.echo_i128 least)

(* The bits of a number without a sign are those that [Int64] has functions for. *)
let without_a_sign () =
  let largest = Rust.largest_id (-1L) 5L in
  check_string "largest" "18446744073709551615" (Printf.sprintf "%Lu" largest)

let messages () =
  let says name expected f =
    match f () with
    | _ -> Alcotest.failf "%s: no error" name
    | exception Lwt_rust.Error { message; _ } ->
        check_bool message true (contains message expected)
  in
  says "version" "::1 is no address of version 4" (fun () ->
      Rust.echo_v4 (Unix.inet_addr_of_string "::1"));
  says "Unix" "no address of the Internet" (fun () ->
      Rust.echo_socket_address (Unix.ADDR_UNIX "/tmp/socket"));
  says "port" "65536 does not fit" (fun () ->
      Rust.echo_socket_address (Unix.ADDR_INET (Unix.inet_addr_any, 65536)));
  says "time" "no point in time" (fun () -> Rust.echo_time Float.nan);
  says "time" "no point in time" (fun () -> Rust.echo_time 1e300);
  says "i128" "\"1x\" is no i128 in decimal" (fun () -> Rust.echo_i128 "1x");
  says "another" "not of type int64" (fun () ->
      Rust.echo_int64 (Obj.magic 5l : int64));
  says "another" "not of type int32" (fun () ->
      Rust.echo_int32 (Obj.magic "abc" : int32));
  says "span" "argument value of echo_spans" (fun () ->
      Rust.echo_spans { first = -1.; second = 0. })

let arguments_that_do_not_fit () =
  let* n = Rust.small 200L in
  check_int "fits" 200 n;
  expect "does not" (Rust.small 256L) (function
    | Lwt_rust.Error { message; _ } ->
        contains message "argument number of small: out of range"
    | _ -> false)

(* The limits of trees hold for boxes: an error, and no signal. *)
let deep () =
  let rec deep n expression =
    if n = 0 then expression else deep (n - 1) (Rust.Negated expression)
  in
  let value = deep 900 (Rust.Number 0.) in
  check_bool "900" true (Rust.echo_expression value = value);
  match Rust.echo_expression (deep 1_000_000 (Rust.Number 0.)) with
  | _ -> Alcotest.fail "a million levels"
  | exception Lwt_rust.Error { message; _ } ->
      check_bool message true (contains message "too deep")

let () =
  Alcotest.run "types"
    [
      ("there and back", round_trips);
      ("with parameters", with_parameters);
      ( "parameters of functions",
        [
          Alcotest.test_case "any type" `Quick any_parameter;
          case "in closures" in_closures;
        ] );
      ( "others",
        [
          Alcotest.test_case "large integers" `Quick large_integers;
          Alcotest.test_case "without a sign" `Quick without_a_sign;
          Alcotest.test_case "messages" `Quick messages;
          case "arguments that do not fit" arguments_that_do_not_fit;
          Alcotest.test_case "deep" `Quick deep;
        ] );
    ]
