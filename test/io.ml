(* Bytes go through channels of [Lwt_io] between OCaml and Rust, in both directions. *)

open Lwt.Syntax
open Support

let text n = String.init n (fun i -> Char.chr (i * 7 mod 256))

(* Other bytes at each position, so that a lost or doubled one is seen. *)
let numbered n =
  let bytes = Bytes.create (4 * n) in
  for i = 0 to n - 1 do
    Bytes.set_int32_be bytes (4 * i) (Int32.of_int i)
  done;
  Bytes.unsafe_to_string bytes

let write_and_close output text =
  let* () = Lwt_io.write output text in
  Lwt_io.close output

(* A channel of OCaml's, from which [text] is read. *)
let of_text text = Lwt_io.of_bytes ~mode:Lwt_io.input (Lwt_bytes.of_string text)

(* {1 Rust's readers and writers} *)

let through_a_pipe capacity size () =
  let input, output = Rust.pipe capacity in
  let text = numbered size in
  let writing = write_and_close output text in
  let* read = Lwt_io.read input in
  let* () = writing in
  check_bool "the same" true (read = text);
  Lwt_io.close input

let through_a_socket () =
  let* port = Rust.echo_server () in
  let* input, output = Rust.connect port in
  let* () = Lwt_io.write_line output "one" in
  let* one = Lwt_io.read_line input in
  check_string "a line" "one" one;
  let text = numbered 500_000 in
  (* The server sees the end of this direction, and ends the other one. *)
  let writing = write_and_close output text in
  let* rest = Lwt_io.read input in
  let* () = writing in
  check_bool "the same" true (rest = text);
  Lwt_io.close input

(* The reader gets what was flushed, while the writer has not ended. *)
let flushed () =
  let input, output = Rust.pipe 100 in
  let* () = Lwt_io.write output "part" in
  let* () = Lwt_io.flush output in
  let* part = Lwt_io.read ~count:4 input in
  check_string "part" "part" part;
  let waiting = Lwt_io.read ~count:1 input in
  let* () = Lwt.pause () in
  check_bool "waits" true (Lwt.is_sleeping waiting);
  let* () = Lwt_io.close output in
  let+ rest = waiting in
  check_string "the end" "" rest

let is_error part = function
  | Lwt_rust.Error { message; _ } -> contains message part
  | _ -> false

let errors () =
  let read does = result (Lwt_io.read (Rust.scripted_input does)) in
  let write does =
    let output = Rust.scripted_output does in
    let* () = Lwt_io.write output "bytes" in
    result (Lwt_io.flush output)
  in
  let expect name is_right found =
    let* found = found in
    check_bool name true
      (match found with Error exn -> is_right exn | Ok _ -> false);
    Lwt.return_unit
  in
  let is_reset = function
    | Unix.Unix_error (ECONNRESET, _, _) -> true
    | _ -> false
  in
  let is_panic = function Lwt_rust.Panic _ -> true | _ -> false in
  let* () =
    expect "a read that fails" (is_error "a device fails") (read "fails")
  in
  let* () = expect "a reset" is_reset (read "is reset") in
  let* () = expect "a panic" is_panic (read "panics") in
  let* () =
    expect "a write that fails" (is_error "a device fails") (write "fails")
  in
  let* () = expect "a reset" is_reset (write "is reset") in
  let* () = expect "a panic" is_panic (write "panics") in
  let* () = expect "no progress" (is_error "write zero") (write "ends") in
  let* empty = Lwt_io.read (Rust.scripted_input "ends") in
  check_string "no bytes" "" empty;
  let output = Rust.scripted_output "fails when closed" in
  expect "closing"
    (is_error "it is not closed")
    (result (Lwt.apply Lwt_io.close output))

(* After an error, the channel can be used again, as one of [Lwt_unix] can. *)
let after_an_error () =
  let input = Rust.scripted_input "is reset" in
  let* first = result (Lwt_io.read_char input) in
  let* second = result (Lwt_io.read_char input) in
  check_bool "the same error" true (first = second && Result.is_error first);
  let+ () = Lwt_io.close input in
  ()

(* One operation reads bytes and meets an error, which the reader does not repeat. *)
let an_error_after_bytes () =
  let input = Rust.scripted_after "bytes" "is reset" in
  let* bytes = Lwt_io.read ~count:100 input in
  check_string "the bytes" "bytes" bytes;
  let* error = result (Lwt_io.read_char input) in
  check_bool "the error" true
    (match error with
    | Error (Unix.Unix_error (ECONNRESET, _, _)) -> true
    | Error _ | Ok _ -> false);
  let* rest = Lwt_io.read input in
  check_string "the end" "" rest;
  Lwt_io.close input

(* The writer has written a part, or all, when it fails. [Lwt_io] writes the bytes again, and
   the writer must not get them twice. *)
let written_once at_flush error () =
  let output = Rust.failing_output at_flush in
  let text = "abcdefghijkl" in
  let* () = Lwt_io.write output text in
  let* failed = result (Lwt_io.flush output) in
  check_bool "the error" true (failed = Error (Unix.Unix_error (error, "", "")));
  let* () = Lwt_io.write output "more" in
  let* () = Lwt_io.flush output in
  let* () = Lwt_io.write output " at the end" in
  let* () = Lwt_io.close output in
  check_string "written" (text ^ "more at the end")
    (Bytes.to_string (Rust.written ()));
  Lwt.return_unit

let replaced_buffer length () =
  let input = Rust.swapping_input length in
  let* read = result (Lwt_io.read_char input) in
  check_bool "a panic" true
    (match read with
    | Error (Lwt_rust.Panic { message; _ }) ->
        contains message "another ReadBuf"
    | Error _ | Ok _ -> false);
  Lwt_io.close input

(* The channel's buffer is full, so a part of the bytes waits when Rust drops its end. *)
let dropped_after_a_write elsewhere () =
  let got = Buffer.create 20 in
  let write bytes start length =
    let* () = Lwt_unix.sleep 0.005 in
    Buffer.add_string got
      (Lwt_bytes.to_string (Lwt_bytes.proxy bytes start length));
    Lwt.return length
  in
  let buffer = Lwt_bytes.create 16 in
  let output = Lwt_io.make ~buffer ~mode:Lwt_io.output write in
  let* () = Lwt_io.write output "0123456789" in
  let* () =
    Rust.write_and_drop output (Bytes.of_string "from Rust") elsewhere
  in
  let expected = "0123456789from Rust" in
  let rec wait n =
    let* () = Lwt_unix.sleep 0.005 in
    let* () = Lwt_io.flush output in
    if Buffer.length got < String.length expected && n > 0 then wait (n - 1)
    else Lwt.return_unit
  in
  let* () = wait 100 in
  check_string "got" expected (Buffer.contents got);
  Lwt_io.close output

(* Waits until the collector has found the devices that nobody needs. *)
let no_devices () =
  (* What the loop has just done is reachable until its next turn. *)
  let* () = pauses 2 in
  let rec wait patience =
    collect ();
    if Rust.devices_alive () = 0 then Lwt.return_unit
    else if patience = 0 then Alcotest.fail "a device is left"
    else
      (* A thread of tokio's ends the read. *)
      let* () = Lwt_unix.sleep 0.001 in
      wait (patience - 1)
  in
  wait 5_000

let closed () =
  let* () = no_devices () in
  let input = Rust.scripted_input "waits" in
  let reading = result (Lwt_io.read input) in
  let* () = Lwt.pause () in
  let* () = Lwt_io.close input in
  check_int "dropped" 0 (Rust.devices_alive ());
  (* [Lwt_io] makes its own error. *)
  let* reading = reading in
  check_bool "the read ends" true (Result.is_error reading);
  let output = Rust.scripted_output "waits" in
  let* () = Lwt_io.close output in
  check_int "dropped" 0 (Rust.devices_alive ());
  let* again = result (Lwt_io.write_char output 'x') in
  check_bool "closed" true
    (match again with Error (Lwt_io.Channel_closed _) -> true | _ -> false);
  Lwt.return_unit

let collected () =
  let make_and_forget () =
    ignore (Sys.opaque_identity (Rust.scripted_input "waits"));
    let reading = Lwt_io.read_char (Rust.scripted_input "waits") in
    Lwt.cancel reading
  in
  make_and_forget ();
  no_devices ()

(* {1 Cancellation} *)

(* Reads that are cancelled, at any moment, lose nothing. *)
let cancelled_reads () =
  let random = Random.State.make [| 5 |] in
  let input, output = Rust.pipe 1_000 in
  let text = numbered 50_000 in
  let writing = write_and_close output text in
  let read = Buffer.create (String.length text) in
  let rec go () =
    let wanted = 1 + Random.State.int random 5_000 in
    (* Bytes that [Lwt_io.read] has taken out of its buffer would be lost, so this looks at
       the buffer. *)
    let reading =
      Lwt_io.direct_access input (fun access ->
          let* count =
            if access.da_ptr < access.da_max then Lwt.return 1
            else access.da_perform ()
          in
          let there = min wanted (access.da_max - access.da_ptr) in
          let bytes = Bytes.create there in
          Lwt_bytes.blit_to_bytes access.da_buffer access.da_ptr bytes 0 there;
          access.da_ptr <- access.da_ptr + there;
          Buffer.add_bytes read bytes;
          Lwt.return count)
    in
    let* () =
      match Random.State.int random 4 with
      | 0 -> Lwt.return_unit
      | 1 -> Lwt.pause ()
      | 2 ->
          Unix.sleepf 1e-5;
          Lwt.return_unit
      | _ -> Lwt.map ignore (result reading)
    in
    Lwt.cancel reading;
    let* count = result reading in
    match count with Ok 0 -> Lwt.return_unit | Ok _ | Error _ -> go ()
  in
  let* () = go () in
  let+ () = writing in
  check_bool "the same" true (Buffer.contents read = text)

(* Flushes that are cancelled write each byte once. *)
let cancelled_writes () =
  let random = Random.State.make [| 6 |] in
  let input, output = Rust.pipe 700 in
  let text = numbered 50_000 in
  let reading = Lwt_io.read input in
  let rec go position =
    if position = String.length text then Lwt.return_unit
    else
      let count =
        min (1 + Random.State.int random 5_000) (String.length text - position)
      in
      let* () = Lwt_io.write_from_string_exactly output text position count in
      let flushing = Lwt_io.flush output in
      let* () =
        match Random.State.int random 3 with
        | 0 -> Lwt.return_unit
        | 1 -> Lwt.pause ()
        | _ -> Lwt.map ignore (result flushing)
      in
      Lwt.cancel flushing;
      go (position + count)
  in
  let* () = go 0 in
  let* () = Lwt_io.close output in
  let+ read = reading in
  check_bool "the same" true (read = text)

(* {1 Channels of OCaml's} *)

let copied copy size () =
  let text = numbered size in
  let input, output = Lwt_io.pipe () in
  let copying = copy (of_text text) output in
  let* read = Lwt_io.read input in
  let* count = copying in
  check_int "bytes" (String.length text) count;
  check_bool "the same" true (read = text);
  Lwt_io.close input

(* Rust takes no more than it needs. *)
let some () =
  let input = of_text "0123456789" in
  let* first = Rust.read_some input 4 in
  check_string "first" "0123" (Bytes.to_string first);
  let* rest = Lwt_io.read input in
  check_string "rest" "456789" rest;
  let input, output = Lwt_io.pipe () in
  let* () = Rust.write_some output (Bytes.of_string "from Rust ") in
  let* () = Lwt_io.write output "from OCaml" in
  let* () = Lwt_io.close output in
  let* read = Lwt_io.read input in
  check_string "both" "from Rust from OCaml" read;
  let* short = result (Rust.read_some (of_text "01") 4) in
  check_bool "too short" true
    (match short with Error exn -> is_error "early eof" exn | Ok _ -> false);
  Lwt.return_unit

let given_back () =
  let input = of_text "text" in
  check_bool "the same channel" true (Rust.same_channel input == input);
  let input, output = Rust.pipe 10 in
  let* () = write_and_close output "text" in
  let+ read = Lwt_io.read (Rust.same_channel input) in
  check_string "read" "text" read

exception Refused of int

let failing exn = Lwt_io.make ~mode:Lwt_io.input (fun _ _ _ -> Lwt.fail exn)

let exceptions () =
  let exn = Refused 3 in
  let* found = result (Rust.read_some (failing exn) 1) in
  check_bool "the same exception" true
    (match found with Error found -> found == exn | Ok _ -> false);
  let kind exn = Rust.kind_of_error (failing exn) in
  let* other = kind exn in
  check_string "another" "Other" other;
  let* reset = kind (Unix.Unix_error (ECONNRESET, "read", "")) in
  check_string "reset" "ConnectionReset" reset;
  let* unknown = kind (Unix.Unix_error (EUNKNOWNERR 9999, "read", "")) in
  check_string "unknown" "Uncategorized" unknown;
  let* closed =
    let input, output = Lwt_io.pipe () in
    let* () = Lwt_io.close input in
    let* () = Lwt_io.close output in
    result (Rust.read_some input 1)
  in
  check_bool "closed" true
    (match closed with Error (Lwt_io.Channel_closed _) -> true | _ -> false);
  Lwt.return_unit

(* What Rust waits for is cancelled, and the channel stays open. *)
let given_up () =
  let input, output = Lwt_io.pipe () in
  let reading = Rust.read_some input 4 in
  let* () = Lwt.pause () in
  Lwt.cancel reading;
  let* () = Lwt_io.write output "text" in
  let* () = Lwt_io.flush output in
  let* read = Lwt_io.read ~count:4 input in
  check_string "still there" "text" read;
  let* () = Lwt_io.close output in
  Lwt_io.close input

let key = Lwt.new_key ()

(* OCaml's functions see the values of the call. *)
let context () =
  let seen = ref [] in
  let input =
    Lwt_io.make ~mode:Lwt_io.input (fun _ _ _ ->
        seen := Lwt.get key :: !seen;
        Lwt.return 0)
  in
  let first =
    Lwt.with_value key (Some 1) (fun () -> Rust.kind_of_error input)
  in
  let second =
    Lwt.with_value key (Some 2) (fun () -> Rust.kind_of_error input)
  in
  let* _ = first in
  let+ _ = second in
  Alcotest.(check (list (option int))) "seen" [ Some 2; Some 1 ] !seen

(* {1 Descriptors} *)

let given_to_rust () =
  let ours, theirs = Lwt_unix.socketpair PF_UNIX SOCK_STREAM 0 in
  let reading = Rust.read_descriptor (Lwt_unix.unix_file_descr theirs) in
  (* Rust has its own. *)
  let* () = Lwt_unix.close theirs in
  let output = Lwt_io.of_fd ~mode:Lwt_io.output ours in
  let* () = write_and_close output "from OCaml" in
  let* text = reading in
  check_string "text" "from OCaml" text;
  let* closed =
    result (Rust.read_descriptor (Lwt_unix.unix_file_descr theirs))
  in
  check_bool "closed" true
    (match closed with
    | Error exn -> is_error "Bad file descriptor" exn
    | Ok _ -> false);
  Lwt.return_unit

let given_to_ocaml () =
  let* descriptor = Rust.written_to_a_descriptor "from Rust" in
  let input =
    Lwt_io.of_fd ~mode:Lwt_io.input (Lwt_unix.of_unix_file_descr descriptor)
  in
  let* text = Lwt_io.read input in
  check_string "text" "from Rust" text;
  Lwt_io.close input

(* {1 Backpressure} *)

(* A reader of Rust's is as far ahead as one operation. *)
let no_further_ahead () =
  let before = Rust.bytes_read () in
  let input = Rust.endless () in
  let* _ = Lwt_io.read ~count:100 input in
  let* () = Lwt_unix.sleep 0.01 in
  let ahead = Rust.bytes_read () - before in
  check_bool (Printf.sprintf "%d bytes" ahead) true (ahead <= 8_192);
  let* _ =
    Lwt_io.read_into_exactly input (Bytes.create 1_000_000) 0 1_000_000
  in
  let ahead = Rust.bytes_read () - before - 1_000_100 in
  check_bool (Printf.sprintf "%d bytes" ahead) true (ahead <= 2 * 262_144);
  Lwt_io.close input

let a_full_pipe_waits () =
  let input, output = Rust.pipe 1_000 in
  let writing = Lwt_io.write output (text 1_000_000) in
  let* () = Lwt_unix.sleep 0.01 in
  check_bool "waits" true (Lwt.is_sleeping writing);
  let closing = Lwt.bind writing (fun () -> Lwt_io.close output) in
  let* read = Lwt_io.read input in
  check_bool "the same" true (read = text 1_000_000);
  closing

(* Many bytes go to a server and come back. They are the same, and they take no memory. *)
let many_bytes () =
  let size =
    if is_under Memcheck then 4
    else if is_under Thread_sanitizer then 64
    else 1_024
  in
  let part = 1_048_576 in
  let* port = Rust.echo_server () in
  let* input, output = Rust.connect port in
  let chunk = Bytes.of_string (text part) in
  let number i = Bytes.set_int64_le chunk 0 (Int64.of_int i) in
  let rec write i =
    if i = size then Lwt_io.close output
    else (
      number i;
      let* () = Lwt_io.write_from_exactly output chunk 0 part in
      write (i + 1))
  in
  let read = Bytes.create part and expected = Bytes.of_string (text part) in
  let most = ref 0 in
  let rec check i =
    if i = size then Lwt_io.read input
    else
      let* () = Lwt_io.read_into_exactly input read 0 part in
      Bytes.set_int64_le expected 0 (Int64.of_int i);
      if not (Bytes.equal read expected) then Alcotest.failf "part %d" i;
      most := max !most (resident ());
      check (i + 1)
  in
  let before = resident () in
  let* rest, () = Lwt.both (check 0) (write 0) in
  check_string "nothing else" "" rest;
  let more = !most - before in
  check_bool
    (Printf.sprintf "%d kilobytes" more)
    true
    (more < 64_000 || is_under Memcheck || is_under Thread_sanitizer);
  Lwt_io.close input

(* {1 Leaks} *)

let nothing_is_left () =
  leaves_nothing
    ~others:(fun () -> [ Rust.devices_alive () ])
    (fun () ->
      let* () = through_a_pipe 100 1_000 () in
      let* () = through_a_socket () in
      let* () = given_up () in
      let* () = closed () in
      let* () = given_to_rust () in
      let* () = given_to_ocaml () in
      copied Rust.copy_on_tokio 1_000 ())

(* tokio gives the kernel the address of a socket's state, and another thread gets it back
   from epoll. *)
let sockets =
  left_out
    [
      ( Thread_sanitizer,
        "ThreadSanitizer does not see the order that epoll keeps" );
    ]

let () =
  Sys.set_signal Sys.sigpipe Signal_ignore;
  Alcotest.run "io"
    [
      ( "Rust's",
        [
          case "through a pipe" (through_a_pipe 10_000 10_000);
          case "through a narrow pipe" (through_a_pipe 7 500);
          case "through a wide pipe" (through_a_pipe 1_000_000 1_000_000);
          case "flushed" flushed;
          case "errors" errors;
          case "after an error" after_an_error;
          case "an error after bytes" an_error_after_bytes;
          case "an error after a part" (written_once false Unix.ENOBUFS);
          case "an error after all" (written_once true Unix.ENOSPC);
          case "closed" closed;
          case "collected" collected;
        ]
        @ left_out
            [ (Memcheck, "the reader leaks a buffer") ]
            [
              case "a smaller buffer" (replaced_buffer 4);
              case "a larger buffer" (replaced_buffer 1_000_000);
            ] );
      ( "cancellation",
        [ case "of reads" cancelled_reads; case "of writes" cancelled_writes ]
      );
      ( "OCaml's",
        [
          case "copied" (copied Rust.copy 100_000);
          case "copied, on tokio" (copied Rust.copy_on_tokio 100_000);
          case "nothing to copy" (copied Rust.copy 0);
          case "some bytes" some;
          case "given back" given_back;
          case "exceptions" exceptions;
          case "given up" given_up;
          case "dropped after a write" (dropped_after_a_write false);
          case "dropped after a write, on tokio" (dropped_after_a_write true);
          case "context" context;
        ] );
      ( "backpressure",
        [
          case "no further ahead" no_further_ahead;
          case "a full pipe waits" a_full_pipe_waits;
        ] );
      ( "sockets",
        sockets
          [
            case "through a socket" through_a_socket;
            case "many bytes" many_bytes;
            case "given to Rust" given_to_rust;
            case "given to OCaml" given_to_ocaml;
            case "nothing is left" nothing_is_left;
          ] );
    ]
