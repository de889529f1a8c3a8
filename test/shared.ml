(* Bytes that OCaml and Rust share, and that nobody changes. *)

open Lwt.Syntax
open Support
module B = Lwt_rust.Bytes

let text n = String.init n (fun i -> Char.chr (i * 7 mod 256))

let copies () =
  let check_copies text =
    let bytes = B.of_string text in
    check_int "length" (String.length text) (B.length bytes);
    check_string "of a string" text (B.to_string bytes);
    check_string "of bytes" text
      (B.to_string (B.of_bytes (Bytes.of_string text)));
    let array = B.to_lwt_bytes bytes in
    check_string "to an array" text (Lwt_bytes.to_string array);
    check_string "of an array" text (B.to_string (B.of_lwt_bytes array))
  in
  List.iter check_copies [ ""; "a"; "eight by"; text 300; text 1_000_000 ];
  Lwt.return_unit

(* Later writes do not reach the bytes. *)
let copies_of_the_moment () =
  let source = Bytes.of_string "before" in
  let array = Lwt_bytes.of_string "before" in
  let of_bytes = B.of_bytes source and of_array = B.of_lwt_bytes array in
  Bytes.fill source 0 6 'x';
  Lwt_bytes.fill array 0 6 'x';
  check_string "bytes" "before" (B.to_string of_bytes);
  check_string "array" "before" (B.to_string of_array);
  let copy = B.to_lwt_bytes of_bytes in
  Lwt_bytes.fill copy 0 6 'x';
  check_string "a copy" "before" (B.to_string of_bytes);
  Lwt.return_unit

let parts () =
  let bytes = B.of_string "0123456789" in
  let part = B.sub bytes 2 6 in
  check_string "a part" "234567" (B.to_string part);
  check_string "a part of it" "345" (B.to_string (B.sub part 1 3));
  check_string "Rust's part" "3456" (B.to_string (Rust.inner_bytes part));
  check_string "none" "" (B.to_string (B.sub part 6 0));
  let target = Bytes.make 5 '-' in
  B.blit_to_bytes part 1 target 2 3;
  check_string "blit" "--345" (Bytes.to_string target);
  let target = Lwt_bytes.of_string "-----" in
  B.blit_to_lwt_bytes part 1 target 0 3;
  check_string "blit" "345--" (Lwt_bytes.to_string target);
  Lwt.return_unit

let wrong_parts () =
  let bytes = B.of_string "0123" in
  let target = Bytes.create 3 and array = Lwt_bytes.create 3 in
  let refuse f =
    match f () with
    | _ -> Alcotest.fail "not refused"
    | exception Invalid_argument _ -> ()
  in
  List.iter refuse
    [
      (fun () -> ignore (B.sub bytes 1 4));
      (fun () -> ignore (B.sub bytes (-1) 2));
      (fun () -> ignore (B.sub bytes 2 (-1)));
      (fun () -> ignore (B.sub bytes max_int max_int));
      (fun () -> ignore (B.sub (B.sub bytes 1 2) 0 3));
      (fun () -> B.blit_to_bytes bytes 0 target 0 4);
      (fun () -> B.blit_to_bytes bytes 2 target 0 3);
      (fun () -> B.blit_to_bytes bytes 0 target (-1) 2);
      (fun () -> B.blit_to_lwt_bytes bytes 0 array 1 3);
      (fun () -> B.blit_to_lwt_bytes bytes 3 array 0 2);
    ];
  let shrinking = Rust.shrinking () in
  check_int "it seems to have some" 10 (B.length shrinking);
  let* found = result (Lwt.wrap (fun () -> B.to_string shrinking)) in
  check_bool "a panic" true
    (match found with Error (Lwt_rust.Panic _) -> true | _ -> false);
  Lwt.return_unit

(* A range that ends with the greatest number there is. *)
let wrong_slice () =
  let* found =
    result (Lwt.wrap (fun () -> Rust.slice_to_max (B.of_string "0123")))
  in
  check_bool "a panic" true
    (match found with
    | Error (Lwt_rust.Panic { message; _ }) ->
        String.starts_with ~prefix:"4 bytes have no part 0.." message
    | Error _ | Ok _ -> false);
  Lwt.return_unit

let maps_a_large_file =
  [
    (Memcheck, "it has not so many addresses");
    (Thread_sanitizer, "it has not so many addresses");
  ]

(* As large as a file that takes no room on the disk. *)
let no_memory () =
  let name = Filename.temp_file "lwt_rust" "shared" in
  let* () =
    Lwt_io.with_file ~mode:Lwt_io.output name (fun _ -> Lwt.return_unit)
  in
  let descriptor = Unix.openfile name [ Unix.O_RDWR ] 0 in
  Unix.ftruncate descriptor (1 lsl 42);
  let array = Lwt_bytes.map_file ~fd:descriptor ~shared:true () in
  Unix.close descriptor;
  Sys.remove name;
  let* found = result (Lwt.wrap (fun () -> B.of_lwt_bytes array)) in
  check_bool "an error" true
    (match found with
    | Error (Lwt_rust.Error { message; _ }) ->
        contains message "no memory for a copy of 4398046511104 bytes"
    | Error _ | Ok _ -> false);
  Lwt.return_unit

let compared () =
  let texts = [ ""; "a"; "ab"; "b"; "\000"; "\255" ] in
  let bytes text =
    B.sub (B.of_string ("(" ^ text ^ ")")) 1 (String.length text)
  in
  List.iter
    (fun a ->
      List.iter
        (fun b ->
          check_bool "equal" (String.equal a b) (B.equal (bytes a) (bytes b));
          check_int "compare"
            (Int.compare (String.compare a b) 0)
            (Int.compare (B.compare (bytes a) (bytes b)) 0))
        texts)
    texts;
  Lwt.return_unit

let not_copied () =
  let bytes = Rust.owned (Bytes.of_string (text 100)) in
  let address = Rust.address_of_bytes bytes in
  check_int "again" address (Rust.address_of_bytes bytes);
  check_int "from Rust" address (Rust.address_of_bytes (Rust.echo_shared bytes));
  check_int "a part" (address + 5) (Rust.address_of_bytes (B.sub bytes 10 10));
  let* again = Rust.echo_of_the_crate (B.sub bytes 10 50) in
  check_int "by way of the crate" (address + 5) (Rust.address_of_bytes again);
  check_string "the same" (String.sub (text 100) 10 50) (B.to_string again);
  Lwt.return_unit

let freed () =
  collect ();
  let before = Rust.owners () in
  let part = ref (B.of_string "") in
  (let bytes = Sys.opaque_identity (Rust.owned (Bytes.of_string "text")) in
   part := Rust.echo_shared (B.sub bytes 1 2));
  collect ();
  check_int "a part keeps it" (before + 1) (Rust.owners ());
  check_string "part" "ex" (B.to_string !part);
  part := B.of_string "";
  collect ();
  check_int "freed" before (Rust.owners ());
  Lwt.return_unit

(* Large bytes are collected before they fill the memory. *)
let soon_freed () =
  let before = resident () in
  for _ = 1 to 2_000 do
    ignore (Sys.opaque_identity (B.of_string (String.make 1_000_000 'x')))
  done;
  let more = resident () - before in
  check_bool (Printf.sprintf "%d kilobytes" more) true (more < 500_000);
  Lwt.return_unit

let in_another_domain () =
  let bytes = B.of_string "text" in
  let read () = (B.to_string bytes, B.of_string "made there") in
  let text, made = Domain.join (Domain.spawn read) in
  check_string "read there" "text" text;
  check_string "made there" "made there" (B.to_string made);
  Lwt.return_unit

let () =
  Alcotest.run "shared"
    [
      ( "shared bytes",
        [
          case "copies" copies;
          case "copies of the moment" copies_of_the_moment;
          case "parts" parts;
          case "wrong parts" wrong_parts;
          case "a wrong slice" wrong_slice;
          case "not copied" not_copied;
          case "compared" compared;
          case "freed" freed;
          case "soon freed" soon_freed;
        ]
        @ left_out starts_a_domain
            [ case "in another domain" in_another_domain ]
        @ left_out maps_a_large_file [ case "no memory for a copy" no_memory ]
      );
    ]
