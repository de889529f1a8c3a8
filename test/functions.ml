(* Functions with the attribute [#[func]]: all its options, and every conversion, there and
   back, with collections in between. *)

open Lwt.Syntax
open Support
open Round_trip
module F = Rust

let error_message name expected f =
  match f () with
  | _ -> Alcotest.failf "%s: no error" name
  | exception Lwt_rust.Error { message; _ } ->
      check_string name expected message

let rejects_with name expected promise =
  let+ result = result promise in
  match result with
  | Error (Lwt_rust.Error { message; _ }) -> check_string name expected message
  | Error exn -> Alcotest.failf "%s: %s" name (Printexc.to_string exn)
  | Ok _ -> Alcotest.failf "%s: no error" name

(* {1 Options} *)

let direct () =
  check_int "sum" 5 (F.add 2 3);
  check_int "quotient" 3 (F.divide 9 3);
  error_message "divided" "division by zero" (fun () -> F.divide 1 0);
  check_int "seven" 28 (F.sum_seven 1 2 3 4 5 6 7);
  match F.panic_directly () with
  | () -> Alcotest.fail "no panic"
  | exception Lwt_rust.Panic { message; _ } ->
      check_string "panic" "directly" message

(* If our [free] replaced that of the C library, this program would crash. *)
let names_of_others () =
  check_int "free" 1 (F.free 1);
  check_int "the first pick" 1 (F.pick_first 1 2 3 4 5 6);
  check_int "the last pick" 6 (F.pick_last 1 2 3 4 5 6);
  check_int "the name that bytecode's stub might have" 7 (F.pick_bytecode 7);
  check_int "the name of a stub" 5 (F.stub 7 2);
  check_int "the name of a value in it" 6 (F.value_0 7 0 0 0 0 1)

(* A linker leaves out the objects of an archive that nothing refers to. *)
let registered () = check_bool "registered" true (F.is_registered ())

(* The exception escapes from the call, and from no later call. *)
let what_lwt_does_not_catch () =
  Lwt.Exception_filter.(set handle_all_except_runtime);
  let finally () = Lwt.Exception_filter.(set handle_all) in
  Fun.protect ~finally @@ fun () ->
  (match F.apply (fun _ -> raise Out_of_memory) 1 with
  | (_ : int) -> Alcotest.fail "expected Out_of_memory"
  | exception Out_of_memory -> ());
  check_int "applied" 2 (F.apply succ 1);
  Lwt_main.run (pauses 3)

let asynchronous () =
  let* value = F.later 0.001 [ "x" ] in
  check_bool "the value" true (value = [ "x" ]);
  let* fine = F.fail_if false in
  check_string "fine" "fine" fine;
  let* () = rejects_with "failed" "as told" (F.fail_if true) in
  let+ text = F.seven 1 (2, 3) [| 4; 5 |] () "six" (Some 7) 4. in
  check_string "seven" "1 2 3 4 5 six Some(7) 8" text

let results () =
  let* root = F.square_root 49 in
  check_bool "root" true (root = Ok 7);
  let* negative = F.square_root (-1) in
  check_bool "negative" true (negative = Error F.Negative);
  let+ large = F.square_root 144 in
  check_bool "large" true (large = Error (F.TooLarge 144));
  check_bool "at once" true (F.root_now 9 = Ok 3);
  check_bool "not at once" true (F.root_now (-9) = Error F.Negative)

let blocking () =
  let promise = F.sum_blocking "\001\002\255" in
  check_bool "pending" true (is_pending promise);
  let* sum = promise in
  check_int "sum" 258 sum;
  let* failed = result (F.sum_blocking "") in
  (match failed with
  | Error (Lwt_rust.Error { type_name = Some type_name; _ }) ->
      check_string "type" "std::io::error::Error" type_name
  | Ok _ | Error _ -> Alcotest.fail "no error");
  let+ panicked = result (F.panic_blocking ()) in
  match panicked with
  | Error (Lwt_rust.Panic { message; location = Some location; _ }) ->
      check_string "panic" "in the pool" message;
      check_bool "where" true
        (String.starts_with ~prefix:"testing/src/functions.rs:" location)
  | Ok () | Error _ -> Alcotest.fail "no panic"

(* Each function waits for the others, so each needs a thread of its own. *)
let many_that_block () = F.meet_blocked 100

let blocking_that_is_dropped () =
  let+ called = F.drop_blocking 10_000 in
  check_bool "some were not called" true (called < 10_000)

let blocking_that_is_detached () =
  let+ n = F.detach_blocking 5 in
  check_int "what it gave" 5 n

let protected () =
  let before = F.finished () in
  let promise = F.finish () in
  Lwt.cancel promise;
  let* cancelled = result promise in
  check_bool "cancelled" true (cancelled = Error Lwt.Canceled);
  let+ () = pauses 3 in
  check_int "finished all the same" (before + 1) (F.finished ())

let closures () =
  let* strings = F.map string_of_int [ 1; 2; 3 ] in
  check_bool "mapped" true (strings = [ "1"; "2"; "3" ]);
  let* failed = result (F.map (fun _ -> raise Exit) [ (); () ]) in
  check_bool "raised" true (failed = Error Exit);
  check_int "applied" 42 (F.apply (fun n -> n * 2) 21);
  check_bool "raised at once" true
    (match F.apply (fun _ -> raise Exit) 0 with
    | _ -> false
    | exception Exit -> true);
  let seen = ref [] in
  let* () =
    F.iterate
      (fun n ->
        seen := n :: !seen;
        Lwt.pause ())
      3
  in
  check_bool "iterated" true (!seen = [ 2; 1; 0 ]);
  let* fed = F.feed (fun n -> Lwt.return (string_of_int n)) 7 in
  check_string "fed" "7" fed;
  let* fed =
    F.feed
      (fun list ->
        let* () = Lwt.pause () in
        Lwt.return (List.length list))
      [ (); () ]
  in
  check_int "fed, later" 2 fed;
  let* fed =
    F.feed_from_pool
      (fun text ->
        let* () = Lwt.pause () in
        Lwt.return (text, 1))
      "x"
  in
  check_bool "fed from another thread" true (fed = ("x", 1));
  let+ both = F.both (Lwt.return 1) (Lwt.map string_of_int (Lwt.return 2)) in
  check_bool "both" true (both = (1, "2"))

let executor () =
  let domain =
    Domain.spawn (fun () ->
        Lwt_rust.Executor.run (fun () -> F.Call.later 0.001 "there"))
  in
  check_string "in another domain" "there" (Domain.join domain)

let arguments_are_named () =
  let wrong : int -> int -> int = Obj.magic F.divide in
  error_message "wrong"
    "argument divisor of divide: OCaml gave a value that is not of type int: \
     the OCaml declaration of this function does not match the Rust one"
    (fun () -> wrong 1 (Obj.magic "x"));
  error_message "not UTF-8"
    "argument value of echo_string: a string is not UTF-8: the byte at \
     position 1 begins no character" (fun () -> F.echo_string "a\255")

(* {1 Conversions} *)

module Generators = struct
  include QCheck2.Gen

  (* QCheck has deprecated its own generators of small lists. *)
  let size = int_bound 40
  let list gen = list_size size gen
  let array gen = array_size size gen
  let ints low high = oneof [ int_range low high; pure low; pure high; pure 0 ]

  let utf_8 =
    map (fun chars ->
        let buffer = Buffer.create 16 in
        List.iter (Buffer.add_utf_8_uchar buffer) chars;
        Buffer.contents buffer)

  let uchar =
    map Uchar.of_int (oneof [ int_range 0 0xD7FF; int_range 0xE000 0x10FFFF ])

  let text = utf_8 (list uchar)
  let bytes = string_size ~gen:char size
  let single = map (fun f -> Int32.float_of_bits (Int32.bits_of_float f)) float

  (* Whole microseconds, since a duration is a whole number of nanoseconds. *)
  let seconds = map (fun n -> float_of_int n /. 1e6) (int_range 0 1_000_000_000)
  let close a b = abs_float (a -. b) < 1e-8
  let point = map3 (fun x y t -> { F.x; y; t }) float single seconds

  let same_point (a : F.point) (b : F.point) =
    compare (a.x, a.y) (b.x, b.y) = 0 && close a.t b.t

  let person =
    sized_size (int_range 0 8)
      (fix (fun self n ->
           let* name = text and* type_ = option int and* height_ = float in
           let+ friends =
             if n = 0 then return []
             else list_size (int_range 0 2) (self (n / 2))
           in
           { F.name; type_; height_; friends }))

  let figure =
    sized_size (int_range 0 8)
      (fix (fun self n ->
           let simple =
             [
               return F.Empty;
               return F.Unknown;
               map (fun p -> F.Dot p) point;
               map2 (fun p q -> F.Line (p, q)) point point;
               map (fun p -> F.Pair p) (pair int int);
               map2
                 (fun centre radius -> F.Circle { centre; radius })
                 point float;
               map2 (fun width height -> F.Size { width; height }) float float;
             ]
           in
           if n = 0 then oneof simple
           else
             oneof
               (map
                  (fun figures -> F.Group figures)
                  (list_size (int_range 0 3) (self (n / 2)))
               :: simple)))

  let rec same_figure (a : F.figure) (b : F.figure) =
    match (a, b) with
    | Dot p, Dot q -> same_point p q
    | Line (p, q), Line (r, s) -> same_point p r && same_point q s
    | Circle a, Circle b ->
        same_point a.centre b.centre && compare a.radius b.radius = 0
    | Group a, Group b -> List.equal same_figure a b
    | _ -> compare a b = 0

  let colour =
    sized_size (int_range 0 8)
      (fix (fun self n ->
           let byte = int_range 0 255 in
           let simple =
             [
               return `Red;
               map (fun n -> `Grey n) byte;
               map3 (fun r g b -> `Rgb (r, g, b)) byte byte byte;
             ]
           in
           if n = 0 then oneof simple
           else
             oneof
               (map
                  (fun colours -> `Mixed colours)
                  (list_size (int_range 0 3) (self (n / 2)))
               :: simple)))

  let by_key pairs =
    List.fold_left
      (fun map (k, v) -> (k, v) :: List.remove_assoc k map)
      [] pairs
    |> List.sort compare

  let physically_equal a b = a == b
  let anything = map (fun n -> Obj.repr (string_of_int n)) int
end

let round_trips =
  let open Generators in
  [
    round_trip "unit" unit F.echo_unit;
    round_trip "bool" bool F.echo_bool;
    round_trip "i8" (ints (-128) 127) F.echo_i8;
    round_trip "i16" (ints (-32768) 32767) F.echo_i16;
    round_trip "i32" (ints (-0x8000_0000) 0x7fff_ffff) F.echo_i32;
    round_trip "i64" (ints min_int max_int) F.echo_i64;
    round_trip "isize" (ints min_int max_int) F.echo_isize;
    round_trip "u8" (ints 0 255) F.echo_u8;
    round_trip "u16" (ints 0 65535) F.echo_u16;
    round_trip "u32" (ints 0 0xffff_ffff) F.echo_u32;
    round_trip "u64" (ints 0 max_int) F.echo_u64;
    round_trip "usize" (ints 0 max_int) F.echo_usize;
    round_trip "f64" float F.echo_f64;
    round_trip "f32" single F.echo_f32;
    round_trip "Duration" ~equal:close seconds F.echo_duration;
    round_trip "Char" char F.echo_char;
    round_trip "char" uchar F.echo_uchar;
    round_trip "String" text F.echo_string;
    round_trip "Box<str>" text F.echo_boxed_str;
    round_trip "PathBuf" bytes F.echo_path;
    round_trip "Vec<u8>" bytes F.echo_string_of_bytes;
    round_trip "Box<[u8]>" (map Bytes.of_string bytes) F.echo_bytes;
    round_trip "Option" (option (option int)) F.echo_option;
    round_trip "Result"
      (oneof [ map Result.ok int; map Result.error text ])
      F.echo_result;
    round_trip "(A, B)" (pair int text) F.echo_pair;
    round_trip "(A, B, C, D, E, F, G, H)"
      (map3
         (fun (a, b) (c, d) (e, f, g) -> (a, b, c, d, (), e, f, g))
         (pair int bool) (pair float text) (triple int int int))
      F.echo_eight;
    round_trip "Vec<T>" (list text) F.echo_list;
    round_trip "Vec<Vec<f64>>" (list (list float)) F.echo_nested;
    round_trip "Box<[T]>" (array int) F.echo_array;
    round_trip "Box<[String]>" (array text) F.echo_strings;
    round_trip "Box<[f64]>" (array float) F.echo_floats;
    round_trip "Box<[Newtype]>" (array float) F.echo_metres;
    round_trip "[T; 3]" (array_size (return 3) int) F.echo_three;
    round_trip "BTreeMap"
      ~equal:(fun a b -> by_key a = b)
      (list (pair text int))
      F.echo_sorted;
    round_trip "HashMap"
      ~equal:(fun a b -> by_key a = List.sort compare b)
      (list (pair int text))
      F.echo_hashed;
    round_trip "a record of floats" ~equal:same_point point F.echo_point;
    round_trip "a record" person F.echo_person;
    round_trip "a named tuple" (pair text int) F.echo_named;
    round_trip "a unit struct" unit F.echo_nothing;
    round_trip "a variant" ~equal:same_figure figure F.echo_figure;
    round_trip "variants" ~equal:(List.equal same_figure) (list figure)
      F.echo_figures;
    round_trip "a polymorphic variant" colour F.echo_colour;
    round_trip "a type of OCaml's"
      (oneof Unix.[ pure SEEK_SET; pure SEEK_CUR; pure SEEK_END ])
      F.echo_seek;
    round_trip "Poly" ~equal:physically_equal anything F.echo_poly;
    round_trip "Poly in a list and an array"
      (pair (list text) (array text))
      F.echo_polys;
    round_trip "a variant, over a wait" ~equal:same_figure figure (fun figure ->
        let promise = F.figure_later figure in
        Gc.full_major ();
        Lwt_main.run promise);
    round_trip "Poly of undeclared variables"
      ~equal:(fun (a, b) (c, d) -> a == d && b == c)
      (pair anything anything) F.swap;
    round_trip "Poly, over a wait"
      ~equal:(fun (a, b) (c, d) -> a == d && b == c)
      (pair anything anything)
      (fun values ->
        let promise = F.swap_later values in
        Gc.full_major ();
        Lwt_main.run promise);
  ]

let ranges () =
  let refused name message f = error_message name message f in
  let refused_int name echo n =
    refused name
      (Printf.sprintf "argument value of echo_%s: %d does not fit in Rust's %s"
         name n name) (fun () -> echo n)
  in
  refused_int "i8" F.echo_i8 128;
  refused_int "i8" F.echo_i8 (-129);
  refused_int "i16" F.echo_i16 32768;
  refused_int "i32" F.echo_i32 0x8000_0000;
  refused_int "u8" F.echo_u8 256;
  refused_int "u8" F.echo_u8 (-1);
  refused_int "u16" F.echo_u16 65536;
  refused_int "u32" F.echo_u32 (-1);
  refused_int "u64" F.echo_u64 (-1);
  refused "f32" "argument value of echo_f32: 1e300 does not fit in Rust's f32"
    (fun () -> F.echo_f32 1e300);
  check_bool "infinity fits" true (F.echo_f32 infinity = infinity);
  List.iter
    (fun seconds ->
      match F.echo_duration seconds with
      | _ -> Alcotest.failf "%f is a duration" seconds
      | exception Lwt_rust.Error _ -> ())
    [ -1.; nan; infinity; 1e30 ];
  refused "length"
    "argument value of echo_three: an array has 2 elements and should have 3"
    (fun () -> F.echo_three [| 1; 2 |]);
  refused "an array of floats"
    "argument value of echo_polys: an array of floats has no values that could \
     be kept: give a list of them" (fun () -> F.echo_polys ([], [| 1. |]));
  check_bool "the last pair counts" true
    (F.echo_sorted [ ("a", 1); ("a", 2) ] = [ ("a", 2) ])

let wrong_types () =
  let wrong name echo value =
    match echo (Obj.magic value) with
    | _ -> Alcotest.failf "%s took a value of another type" name
    | exception Lwt_rust.Error { message; _ } ->
        check_bool
          (name ^ ": " ^ message)
          true
          (String.length message > 0
          && String.starts_with ~prefix:"argument value of echo_" message)
  in
  let block = Obj.repr (Some 1) in
  wrong "unit" F.echo_unit block;
  wrong "bool" F.echo_bool 2;
  wrong "int" F.echo_i64 block;
  wrong "float" F.echo_f64 1;
  wrong "char" F.echo_char 256;
  wrong "Uchar.t" F.echo_uchar 0xD800;
  wrong "string" F.echo_string 1;
  wrong "option" F.echo_option "x";
  wrong "option" F.echo_option 1;
  wrong "result" F.echo_result 0;
  wrong "tuple" F.echo_pair (Some 1);
  wrong "list" F.echo_list "x";
  wrong "list" F.echo_list 1;
  wrong "list" F.echo_list (Some 1);
  wrong "array" F.echo_array 0;
  wrong "array of floats" F.echo_array [| 1. |];
  wrong "floats" F.echo_floats [| "x" |];
  wrong "record" F.echo_person (1, 2);
  wrong "record of floats" F.echo_point (1, 2, 3);
  wrong "record of floats" F.echo_point [| 1. |];
  wrong "variant" F.echo_figure 17;
  wrong "variant" F.echo_figure (Some 1);
  wrong "polymorphic variant" F.echo_colour `Other;
  wrong "polymorphic variant" F.echo_colour (`Other 1)

let float_arrays_are_flat () =
  let tag value = Obj.tag (Obj.repr value) in
  check_int "array" Obj.double_array_tag (tag (F.echo_floats [| 1.; 2. |]));
  check_int "record" Obj.double_array_tag
    (tag (F.echo_point { x = 1.; y = 2.; t = 3. }));
  let _, array = F.echo_polys ([], [| 1 |]) in
  check_int "others are not" 0 (tag array);
  check_bool "empty" true (F.echo_floats [||] = [||]);
  let large = Array.init 100_000 float_of_int in
  check_bool "large" true (F.echo_floats large = large);
  let large = List.init 100_000 string_of_int in
  check_bool "long" true (F.echo_list large = large)

(* {1 Abstract types and buffers} *)

let abstract_types () =
  let before = F.counters () in
  let counter = F.counter 5 in
  let* first = F.next counter in
  let* second = F.next counter in
  check_bool "numbers" true ((first, second) = (5, 6));
  let pending = F.next counter in
  F.close counter;
  let* third = pending in
  check_int "a call in progress ends" 7 third;
  check_int "dropped" before (F.counters ());
  let closed name =
    "argument counter of " ^ name
    ^ ": this value of type counter was closed, or was never one"
  in
  error_message "closed twice" (closed "close") (fun () -> F.close counter);
  let+ () = rejects_with "used" (closed "next") (F.next counter) in
  error_message "another type"
    "argument counter of close: OCaml gave a value that is not of type \
     counter: the OCaml declaration of this function does not match the Rust \
     one" (fun () -> F.close (Obj.magic (F.other ())));
  error_message "no abstract value" (closed "close") (fun () ->
      F.close (Obj.magic "x"))

(* Each value declares that it keeps a megabyte, so OCaml must collect them in time. *)
let abstract_values_are_collected () =
  let before = F.counters () in
  let most = ref 0 in
  for i = 1 to 10_000 do
    ignore (Sys.opaque_identity (F.counter i));
    most := max !most (F.counters () - before)
  done;
  Gc.full_major ();
  Gc.full_major ();
  check_int "all are dropped" before (F.counters ());
  check_bool (Printf.sprintf "%d at most" !most) true (!most < 5_000)

let buffers () =
  let buffer = Lwt_bytes.of_string "abcdef" in
  let* () = F.reverse buffer in
  check_string "in place" "fedcba" (Lwt_bytes.to_string buffer);
  let part = Lwt_bytes.proxy buffer 1 3 in
  let* () = F.reverse part in
  check_string "a part" "fcdeba" (Lwt_bytes.to_string buffer);
  let made = F.buffer 3 'x' in
  Gc.compact ();
  check_string "made by Rust" "xxx" (Lwt_bytes.to_string made);
  check_int "empty" 0 (Lwt_bytes.length (F.buffer 0 'x'));
  let promise = F.reverse (Lwt_bytes.of_string (String.make 100_000 'y')) in
  Gc.compact ();
  let* () = promise in
  let wrong = Bigarray.(Array1.create int32 c_layout 3) in
  let+ () =
    rejects_with "another kind"
      "argument buffer of reverse: OCaml gave a value that is not of type \
       Lwt_bytes.t, an array of bytes of Bigarray: the OCaml declaration of \
       this function does not match the Rust one"
      (F.reverse (Obj.magic wrong))
  in
  match F.buffer max_int 'x' with
  | _ -> Alcotest.fail "there is so much memory"
  | exception Lwt_rust.Error _ -> ()

let mapped_buffers () =
  let file = Filename.temp_file "lwt_rust" ".mapped" in
  Fun.protect ~finally:(fun () -> Sys.remove file) @@ fun () ->
  Out_channel.with_open_bin file (fun channel ->
      Out_channel.output_string channel "abcdef");
  let fd = Unix.openfile file [ O_RDWR ] 0 in
  let finally () = Unix.close fd in
  Fun.protect ~finally @@ fun () ->
  let reversed buffer = Lwt_main.run (F.reverse buffer) in
  let mapped = Lwt_bytes.map_file ~fd ~shared:true () in
  reversed mapped;
  check_string "in place" "fedcba" (Lwt_bytes.to_string mapped);
  reversed (Lwt_bytes.proxy mapped 1 3);
  check_string "in the file" "fcdeba"
    (In_channel.with_open_bin file In_channel.input_all);
  let fortran =
    Unix.map_file fd Bigarray.char Bigarray.fortran_layout true [| 6 |]
  in
  reversed (Obj.magic fortran);
  check_string "of Fortran's" "abedcf"
    (In_channel.with_open_bin file In_channel.input_all);
  let wide = Unix.map_file fd Bigarray.int16_unsigned Bigarray.c_layout true in
  List.iter
    (fun buffer ->
      match reversed (Obj.magic buffer) with
      | () -> Alcotest.fail "another kind was taken"
      | exception Lwt_rust.Error _ -> ())
    [ wide [| 3 |]; wide [| 3; 1 |] ]

(* The least of several times, since other programs use the processor, too. *)
let least_time f =
  let time _ =
    let start = Unix.gettimeofday () in
    f ();
    Unix.gettimeofday () -. start
  in
  List.fold_left min infinity (List.init 30 time)

(* A copy byte by byte would take ten times as long as a string. *)
let buffers_are_fast () =
  let size = 1 lsl 22 in
  let string = String.make size 'x' in
  let buffer = Lwt_bytes.of_string string in
  let of_string =
    least_time (fun () -> check_int "string" size (F.copy_string string))
  in
  let faster name least =
    check_bool
      (Printf.sprintf "%s: %.0f MB/s, a string %.0f MB/s" name
         (float_of_int size /. least /. 1e6)
         (float_of_int size /. of_string /. 1e6))
      true
      (least < 4. *. of_string)
  in
  faster "whole"
    (least_time (fun () -> check_int "buffer" size (F.copy_buffer buffer)));
  faster "in parts, there and back"
    (least_time (fun () -> F.copy_buffer_in_parts buffer 4096))

(* {1 Large values} *)

let refused_for_size name part message =
  let rec is_at i =
    i + String.length part <= String.length message
    && (String.sub message i (String.length part) = part || is_at (i + 1))
  in
  check_bool (name ^ ": " ^ message) true (is_at 0)

let larger_than_arrays_can_be () =
  check_int "an array that can be" 100_000 (Array.length (F.many_units 100_000));
  List.iter
    (fun length ->
      match F.many_units length with
      | (_ : unit array) -> Alcotest.failf "an array of %d elements" length
      | exception Lwt_rust.Error { message; _ } ->
          refused_for_size "units"
            (Printf.sprintf "OCaml has no memory for an array of %d elements"
               length)
            message)
    [ 1 lsl 60; 1 lsl 54; 1 lsl 45 ]

let larger_than_the_memory () =
  let refused kind make =
    let length = 1 lsl 26 in
    refused_for_size kind
      (Printf.sprintf "OCaml has no memory for %s of %d" kind length)
      (make length)
  in
  refused "a string" F.bytes_without_memory;
  refused "an array" F.floats_without_memory;
  refused "an array" F.ints_without_memory;
  let small = F.ints_without_memory 10 in
  check_string "a small one" "there was memory" small

let rec tree depth rest =
  if depth = 0 then rest else tree (depth - 1) (F.Node [ rest ])

let rec levels ?(above = 0) = function
  | F.Node (branch :: _) -> levels ~above:(above + 1) branch
  | Node [] | Leaf -> above

let rec bush depth (rest : F.bush) : F.bush =
  if depth = 0 then rest
  else
    let above : F.bush =
      match depth mod 3 with
      | 0 -> { name = ""; branches = Some [| (1, Ok rest) |]; others = [] }
      | 1 ->
          { name = ""; branches = Some [| (1, Error [ rest ]) |]; others = [] }
      | _ -> { name = ""; branches = None; others = [ ("rest", rest) ] }
    in
    bush (depth - 1) above

let rec shrub depth rest =
  if depth = 0 then rest
  else
    shrub (depth - 1)
      (if depth mod 2 = 0 then `One [ rest ] else `Two ([ (1, rest) ], 2))

let too_deep name f =
  match f () with
  | _ -> Alcotest.failf "%s: no error" name
  | exception Lwt_rust.Error { message; _ } ->
      refused_for_size name "too deep to convert" message

(* Rust can keep a value that is not too deep, and drop it anywhere. *)
let deep_into_rust () =
  let most = 1_000 in
  check_int "a tree" most (levels (F.echo_tree (tree most Leaf)));
  let bare : F.bush = { name = "bare"; branches = None; others = [] } in
  let deep = bush (most - 1) bare in
  check_bool "a bush" true (F.echo_bush deep = deep);
  let deep = shrub most `Leaf in
  check_bool "a shrub" true (F.echo_shrub deep = deep);
  List.iter
    (fun depth ->
      let name = string_of_int depth in
      let deep = tree depth Leaf in
      too_deep name (fun () -> F.echo_tree deep);
      too_deep name (fun () -> F.echo_tree (Node [ Leaf; tree 900 Leaf; deep ]));
      too_deep name (fun () -> Lwt_main.run (F.tree_later deep));
      too_deep name (fun () -> F.echo_bush (bush depth bare));
      too_deep name (fun () -> F.echo_shrub (shrub depth `Leaf)))
    [ most + 1; 30_000; 1_000_000 ];
  Lwt_main.run (F.drop_tree_on_tokio (tree most Leaf))

(* This works with a stack of any size. A value that is too deep for the stack is leaked in
   part, since dropping it could overflow the stack, too. *)
let deep_to_ocaml () =
  check_int "a tree" 5_000 (levels (F.make_tree 5_000 false));
  check_int "two of them" 2 (List.length (F.make_trees 5_000 2));
  let whole_or_too_deep name depth f =
    match f () with
    | tree -> check_int name depth (levels tree)
    | exception Lwt_rust.Error { message; _ } ->
        refused_for_size name "too deep to convert" message
  in
  List.iter
    (fun depth ->
      let check name f = whole_or_too_deep name depth f in
      check "alone" (fun () -> F.make_tree depth false);
      check "beside another" (fun () -> F.make_tree depth true);
      check "in a list" (fun () -> List.hd (F.make_trees depth 3)))
    [ 100_000; 1_000_000 ];
  check_int "as before" 5_000 (levels (F.make_tree 5_000 true))

let deep_through_a_closure () =
  let* depth = F.give_tree Lwt.return 900 in
  check_int "there and back" 900 depth;
  let too_deep name promise =
    let+ result = result promise in
    too_deep name (fun () -> Result.fold ~ok:Fun.id ~error:raise result)
  in
  let* () = too_deep "there" (F.give_tree Lwt.return 1_000_000) in
  too_deep "back" (F.give_tree (fun _ -> Lwt.return (tree 1_000_000 F.Leaf)) 1)

let deep_on_other_threads () =
  let direct () =
    check_int "a tree" 1_000 (levels (F.echo_tree (tree 1_000 Leaf)));
    too_deep "into Rust" (fun () -> F.echo_tree (tree 1_000_000 Leaf));
    too_deep "there and back" (fun () ->
        F.echo_tree (F.make_tree 1_000_000 true))
  in
  Domain.join (Domain.spawn direct);
  let failed = ref (Some Exit) in
  Thread.join
    (Thread.create
       (fun () ->
         failed := match direct () with () -> None | exception exn -> Some exn)
       ());
  Option.iter raise !failed

let without_fields () =
  let none name value =
    let number, first = F.fields_of (Obj.repr value) in
    check_bool
      (Printf.sprintf "%s has %d" name number)
      true
      ((number, first) = (0, false))
  in
  let free = Sys.opaque_identity 17 in
  none "a closure" (fun n -> n + free);
  none "a function" List.map;
  let rec even n = n = 0 || odd (n - 1) and odd n = n <> 0 && even (n - free) in
  none "one of several functions" even;
  none "another of them" odd;
  none "a suspension" (lazy (Sys.opaque_identity (string_of_int free)));
  let forced = lazy (Sys.opaque_identity (string_of_int free)) in
  ignore (Lazy.force forced);
  none "a forced one" forced;
  let forcing = ref (lazy ()) in
  forcing := lazy (none "one that is being forced" !forcing);
  Lazy.force !forcing;
  none "an object"
    (object
       method m = free
    end);
  none "a continuation"
    (let module E = struct
       type _ Effect.t += Stop : unit Effect.t
     end in
    Effect.Deep.match_with
      (fun () ->
        Effect.perform E.Stop;
        Obj.repr ())
      ()
      {
        retc = Fun.id;
        exnc = raise;
        effc =
          (fun (type a) (performed : a Effect.t) ->
            match performed with
            | E.Stop ->
                Some
                  (fun (k : (a, Obj.t) Effect.Deep.continuation) -> Obj.repr k)
            | _ -> None);
      });
  none "a string" "string";
  none "a float" 1.5;
  none "floats" [| 1.5; 2.5 |];
  none "a custom block" 1L;
  none "an int" 5;
  check_bool "a tuple has them" true
    (F.fields_of (Obj.repr (free, free)) = (2, true))

let plain name body = Alcotest.test_case name `Quick body

let () =
  Alcotest.run "functions"
    [
      ( "options",
        [
          plain "a plain function" direct;
          plain "names that others have" names_of_others;
          plain "what registers itself at the start" registered;
          plain "what Lwt does not catch" what_lwt_does_not_catch;
          case "an async function" asynchronous;
          case "result" results;
          case "blocking" blocking;
          case "many that block" many_that_block;
          case "blocking that is dropped" blocking_that_is_dropped;
          case "blocking that is detached" blocking_that_is_detached;
          case "protected" protected;
          case "closures and promises" closures;
          plain "errors name the argument" arguments_are_named;
        ]
        @ left_out starts_a_domain [ plain "a domain without Lwt" executor ] );
      ("there and back", round_trips);
      ( "conversions",
        [
          plain "ranges" ranges;
          plain "wrong types" wrong_types;
          plain "arrays of floats" float_arrays_are_flat;
          case "abstract types" abstract_types;
          plain "abstract values are collected" abstract_values_are_collected;
          case "buffers" buffers;
          plain "buffers that are files" mapped_buffers;
          plain "values without fields" without_fields;
        ]
        @ left_out
            [ (Memcheck, "it measures time") ]
            [ plain "buffers are as fast as strings" buffers_are_fast ]
        @ left_out
            [ (Memcheck, "valgrind reports that it asks for so much memory") ]
            [
              plain "larger than arrays can be" larger_than_arrays_can_be;
              plain "larger than the memory" larger_than_the_memory;
            ]
        @ left_out
            [
              (Memcheck, "it fills the stack, which valgrind has a part of");
              ( Thread_sanitizer,
                "it fills the stack, which ThreadSanitizer has one beside" );
            ]
            [
              plain "deep values into Rust" deep_into_rust;
              plain "deep values to OCaml" deep_to_ocaml;
              case "deep values through a closure" deep_through_a_closure;
              plain "deep values on other threads" deep_on_other_threads;
            ] );
    ]
