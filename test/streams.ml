(* Streams: those that Rust makes, and those that it reads. *)

open Lwt.Syntax
open Support
module S = Lwt_rust.Stream

let ints = Alcotest.(list int)
let check_ints = Alcotest.check ints
let up_to n = List.init n Fun.id

(* {1 Streams of Rust's} *)

let reads_all make () =
  let* () =
    let+ items = S.to_list (make 5) in
    check_ints "a few" (up_to 5) items
  in
  let* () =
    let+ items = S.to_list (make 0) in
    check_ints "none" [] items
  in
  let stream = make 3 in
  let* first = S.next stream in
  let* rest = S.to_list stream in
  Alcotest.(check (option int)) "the first" (Some 0) first;
  check_ints "the rest" [ 1; 2 ] rest;
  let+ after = S.next stream in
  Alcotest.(check (option int)) "after the end" None after

let every_way =
  [
    case "a plain function" (reads_all Rust.numbers);
    case "as they come from tokio" (reads_all (fun n -> Rust.from_tokio n 7));
    case "an asynchronous function" (fun () ->
        let* stream = Rust.numbers_later 4 in
        let+ items = S.to_list stream in
        check_ints "items" (up_to 4) items);
    case "a function on the pool" (fun () ->
        let* stream = Rust.numbers_blocking 4 in
        let+ items = S.to_list stream in
        check_ints "items" (up_to 4) items);
    case "a function that may fail" (fun () ->
        let* stream = Rust.numbers_or_error 4 in
        let* items = S.to_list stream in
        check_ints "items" (up_to 4) items;
        expect "an error" (Rust.numbers_or_error 1_000) (function
          | Lwt_rust.Error { message; _ } -> message = "too many numbers"
          | _ -> false));
    case "in a record" (fun () ->
        let { Rust.floats; texts; large } = Rust.streams () in
        let* floats = S.to_list floats in
        Alcotest.(check (list (float 0.))) "floats" [ 0.5; 1.5; 2.5 ] floats;
        let* texts = S.to_list (Option.get texts) in
        Alcotest.(check (list string)) "texts" [ "a"; "b" ] texts;
        let* first = S.next_chunk 10 large in
        check_ints "before the one that does not fit" [ 1; 2 ]
          (Array.to_list first);
        let* () =
          expect "too large" (S.next large) (function
            | Lwt_rust.Error _ -> true
            | _ -> false)
        in
        let+ after = S.next large in
        Alcotest.(check (option int)) "after it" None after);
  ]

let failure = function
  | Lwt_rust.Error { type_name = Some name; _ } ->
      name = "core::num::error::ParseIntError"
  | _ -> false

let ends_with name last check () =
  let stream = Rust.script [ Item 1; Yield; Item 2; last; Item 3 ] in
  let* chunk = S.next_chunk 10 stream in
  check_ints "first" [ 1 ] (Array.to_list chunk);
  let* chunk = S.next_chunk 10 stream in
  check_ints "then" [ 2 ] (Array.to_list chunk);
  let* () = expect name (S.next stream) check in
  let* after = S.next stream in
  Alcotest.(check (option int)) "after it" None after;
  check_int "dropped" 0 (Rust.alive ());
  still_works ()

(* A chunk has at most 256 items. *)
let large_chunks () =
  let length stream =
    let+ chunk = S.next_chunk max_int stream in
    S.close stream;
    Array.length chunk
  in
  let* rust = length (Rust.numbers 1_000) in
  let* ocaml = length (S.of_list (up_to 1_000)) in
  check_ints "lengths" [ 256; 256 ] [ rust; ocaml ];
  let+ items = Rust.take (S.of_list (up_to 1_000)) 600 (max_int - 1) false in
  check_int "with a large prefetch" 600 (List.length items)

let chunks () =
  let made = Rust.made () in
  let stream = Rust.numbers 10 in
  let+ sizes =
    let rec go sizes =
      let* chunk = S.next_chunk 4 stream in
      if chunk = [||] then Lwt.return (List.rev sizes)
      else go (Array.length chunk :: sizes)
    in
    go []
  in
  check_ints "sizes" [ 4; 4; 2 ] sizes;
  check_int "made" 10 (Rust.made () - made)

let asks_for_no_more () =
  let made = Rust.made () in
  let stream = Rust.numbers 1_000_000 in
  check_int "at first" 0 (Rust.made () - made);
  let* _ = S.next stream in
  let* _ = S.next stream in
  check_int "after two" 2 (Rust.made () - made);
  let* _ = S.next_chunk 10 stream in
  check_int "and ten" 12 (Rust.made () - made);
  let* () =
    expect "a reader that fails"
      (S.iter (fun item -> if item = 20 then raise Exit) stream)
      (( = ) Exit)
  in
  check_bool "a batch" true (Rust.made () - made <= 12 + 64);
  let+ next = S.next stream in
  Alcotest.(check (option int)) "nothing is lost" (Some 21) next;
  S.close stream

(* Tokio's task may be ahead by what the channel holds. *)
let bounded () =
  let made = Rust.made () in
  let stream = Rust.from_tokio 1_000 8 in
  let* () = Lwt_unix.sleep 0.05 in
  let* first = S.next_chunk 1_000 stream in
  let* () = Lwt_unix.sleep 0.05 in
  let ahead = Rust.made () - made - Array.length first in
  check_bool (Printf.sprintf "%d ahead" ahead) true (ahead <= 8 + 1);
  S.close stream;
  let rec until_told n =
    if Rust.alive () = 0 then Lwt.return_unit
    else if n = 0 then Alcotest.fail "the task was not told"
    else
      let* () = Lwt_unix.sleep 0.01 in
      until_told (n - 1)
  in
  until_told 500

(* A stream of Rust's of the numbers below 4, and a function that makes the next one come. *)
let gated () =
  let gates = Array.init 4 (fun _ -> Lwt.task ()) in
  let next = ref 0 in
  let give () =
    Lwt.wakeup (snd gates.(!next)) !next;
    incr next
  in
  (Rust.calling (fun n -> fst gates.(n)) 4, give)

let cancelled () =
  let stream, give = gated () in
  let first = S.next stream in
  check_bool "waits" true (is_pending first);
  Lwt.cancel first;
  check_bool "is cancelled" true (Lwt.state first = Fail Lwt.Canceled);
  let first_of_two = S.next stream in
  let second_of_two = S.next stream in
  Lwt.cancel first_of_two;
  give ();
  let* item = second_of_two in
  Alcotest.(check (option int)) "nothing is lost" (Some 0) item;
  for _ = 1 to 3 do
    give ()
  done;
  let+ rest = S.to_list stream in
  check_ints "the rest" [ 1; 2; 3 ] rest

(* The item has come, and OCaml has not heard of it, when the reader is cancelled. *)
let cancelled_late () =
  let rec go n =
    if n = 0 then Lwt.return_unit
    else
      let stream = Rust.from_tokio 3 1 in
      let reader = S.next stream in
      Unix.sleepf 0.0005;
      Lwt.cancel reader;
      let* first =
        match Lwt.state reader with
        | Return (Some item) -> Lwt.return [ item ]
        | _ -> Lwt.return []
      in
      let* rest = S.to_list stream in
      check_ints "all items" [ 0; 1; 2 ] (first @ rest);
      go (n - 1)
  in
  go 200

let slow_numbers () =
  let n = ref 0 in
  S.from (fun () ->
      let+ () = Lwt_unix.sleep 0.001 in
      incr n;
      Some !n)

(* Lwt rejects all of them before it calls the first callback. *)
let cancelled_together () =
  let goes_on name stream =
    let* first = S.next stream in
    check_bool name true (first <> None);
    S.close stream;
    let+ after = S.next stream in
    check_bool "closed" true (after = None)
  in
  let rec rounds n =
    if n = 0 then Lwt.return_unit
    else
      let stream = slow_numbers () in
      let* () =
        Lwt.pick
          [
            S.iter_p ~max:8 (fun _ -> Lwt.return_unit) stream;
            Lwt_unix.sleep 0.005;
          ]
      in
      let* () = goes_on "iter_p" stream in
      rounds (n - 1)
  in
  let* () = rounds 20 in
  let stream = slow_numbers () in
  Lwt.cancel (Lwt.all [ S.next stream; S.next stream; S.next stream ]);
  let* () = goes_on "all" stream in
  let stream = Rust.script [ Yield; Item 1; Item 2 ] in
  Lwt.cancel (Lwt.both (S.next stream) (S.next stream));
  goes_on "both" stream

(* One after the other, within one callback. *)
let cancelled_in_turn () =
  let stream, give = gated () in
  let first = S.next stream in
  let second = S.next stream in
  let* () = Lwt.pause () in
  Lwt.cancel first;
  Lwt.cancel second;
  check_bool "cancelled" true (Lwt.state second = Fail Lwt.Canceled);
  for _ = 1 to 4 do
    give ()
  done;
  let+ rest = S.to_list stream in
  check_ints "nothing is lost" [ 0; 1; 2; 3 ] rest

let cancelled_within_the_poll () =
  let first = ref Lwt.return_none in
  let stream =
    Rust.polled_by (function
      | 1 -> 0
      | 2 ->
          Lwt.cancel !first;
          1
      | _ -> 1)
  in
  first := S.next stream;
  let second = S.next stream in
  let third = S.next stream in
  let* second = second in
  let* third = third in
  Alcotest.(check (list (option int)))
    "the others get what they have asked for" [ Some 2; Some 3 ]
    [ second; third ];
  let+ fourth = S.next stream in
  Alcotest.(check (option int)) "and so on" (Some 4) fourth;
  S.close stream

let closed_for_good () =
  let stream = ref None in
  let close () = S.close (Option.get !stream) in
  let f n =
    if n = 1 then 0
    else (
      close ();
      1)
  in
  stream := Some (Rust.polled_by f);
  let stream = Option.get !stream in
  let* first = S.next stream in
  let* second = S.next stream in
  let* third = S.next stream in
  Alcotest.(check (list (option int)))
    "nothing after the close" [ None; None; None ] [ first; second; third ];
  (* What [get] waits for cannot be cancelled. *)
  let stream = S.from (fun () -> fst (Lwt.wait ())) in
  let waits = S.next stream in
  let behind = S.next stream in
  S.close stream;
  let* behind = behind in
  let* new_one = S.next stream in
  check_bool "the one behind, and a new one" true
    (behind = None && new_one = None);
  ignore (waits : unit option Lwt.t);
  (* A reader's callback raises. *)
  let alive = Rust.alive () in
  let stream = Rust.silence () in
  Lwt.on_success (S.next stream) (fun _ -> raise Exit);
  let hook = !Lwt.async_exception_hook in
  (Lwt.async_exception_hook := fun exn -> raise exn);
  let closed = try Ok (S.close stream) with exn -> Error exn in
  Lwt.async_exception_hook := hook;
  check_bool "the exception" true (closed = Error Exit);
  check_int "dropped" alive (Rust.alive ());
  Lwt.return_unit

let not_caught () =
  let open Lwt.Exception_filter in
  let raised = ref 0 in
  let stream =
    S.from (fun () ->
        incr raised;
        if !raised = 1 then raise Out_of_memory else Lwt.return_some !raised)
  in
  set handle_all_except_runtime;
  let first =
    try Ok (S.next stream) with Out_of_memory -> Error Out_of_memory
  in
  set handle_all;
  check_bool "it is raised" true (first = Error Out_of_memory);
  let+ second = S.next stream in
  Alcotest.(check (option int)) "the stream goes on" (Some 2) second

let several_readers () =
  let stream = Rust.script [ Sleep; Item 1; Sleep; Item 2; Item 3 ] in
  let+ items = Lwt.all (List.init 5 (fun _ -> S.next stream)) in
  Alcotest.(check (list (option int)))
    "in the order in which they have asked"
    [ Some 1; Some 2; Some 3; None; None ]
    items

let closed () =
  let stream = Rust.silence () in
  check_int "there" 1 (Rust.alive ());
  let readers = [ S.next stream; S.next stream ] in
  S.close stream;
  check_int "dropped at once" 0 (Rust.alive ());
  let* items = Lwt.all readers in
  check_bool "readers" true (List.for_all Option.is_none items);
  S.close stream;
  let stream = Rust.numbers 5 in
  let* _ = S.next stream in
  S.close stream;
  check_int "dropped" 0 (Rust.alive ());
  let+ items = S.to_list stream in
  check_ints "nothing follows" [] items

let collected () =
  let read () =
    let stream = Rust.numbers 5 in
    let+ item = S.next stream in
    Alcotest.(check (option int)) "the first" (Some 0) item
  in
  let wait_in_vain () =
    let reader = S.next (Rust.silence ()) in
    check_bool "waits" true (is_pending reader);
    Lwt.cancel reader
  in
  let* () = read () in
  wait_in_vain ();
  (* What the loop has just done is reachable until its next turn. *)
  let+ () = pauses 2 in
  collect ();
  check_int "dropped" 0 (Rust.alive ())

let closes_itself () =
  let stream = ref None in
  let f n = if n = 1 then S.close (Option.get !stream) in
  stream := Some (Rust.calling_within f);
  let+ items = S.to_list (Option.get !stream) in
  check_bool "at most what was there" true (List.length items <= 2);
  check_int "dropped" 0 (Rust.alive ())

let pulls_itself () =
  let stream = ref None in
  let inner = ref Lwt.return_none in
  let f n = if n = 1 then inner := S.next (Option.get !stream) in
  stream := Some (Rust.calling_within f);
  let* items = S.to_list (Option.get !stream) in
  let+ item = !inner in
  let all = List.sort Int.compare (Option.to_list item @ items) in
  check_ints "each once" [ 0; 1; 2 ] all

let destructor_panics () =
  let stream = Rust.panics_when_dropped () in
  (match S.close stream with
  | () -> Alcotest.fail "no panic"
  | exception Lwt_rust.Panic { message; _ } ->
      check_string "message" "the destructor of a stream panics" message);
  S.close stream;
  still_works ()

let calls_closures () =
  let key = Lwt.new_key () in
  let seen = ref [] in
  let f n =
    seen := Lwt.get key :: !seen;
    let+ () = Lwt.pause () in
    n * n
  in
  let stream =
    Lwt.with_value key (Some "the call") (fun () -> Rust.calling f 4)
  in
  let+ items =
    Lwt.with_value key (Some "the reader") (fun () -> S.to_list stream)
  in
  check_ints "items" [ 0; 1; 4; 9 ] items;
  check_bool "the context of the call" true
    (List.for_all (( = ) (Some "the call")) !seen)

(* A stream that is always ready leaves the loop its turns. *)
let leaves_turns () =
  let turns = ref 0 in
  let rec count () =
    incr turns;
    let* () = Lwt.pause () in
    count ()
  in
  let counting = count () in
  let* sum = S.fold ( + ) (Rust.numbers 100_000) 0 in
  check_int "sum" (100_000 * 99_999 / 2) sum;
  check_bool (Printf.sprintf "%d turns" !turns) true (!turns > 10);
  turns := 0;
  let+ () =
    S.iter_p ~max:max_int
      (fun _ -> Lwt.return_unit)
      (S.of_seq (Seq.take 100_000 (Seq.ints 0)))
  in
  Lwt.cancel counting;
  check_bool (Printf.sprintf "%d turns" !turns) true (!turns > 10)

let other_domain () =
  let stream = Rust.numbers 3 in
  let domain =
    Domain.spawn (fun () ->
        let direct =
          match S.next stream with
          | (_ : int option Lwt.t) -> None
          | exception Invalid_argument _ -> None
          | exception exn -> Some (Printexc.to_string exn)
        in
        let in_lwt = Lwt_rust.Executor.run_in_lwt (fun () -> S.next stream) in
        (direct, in_lwt))
  in
  let rec turns n =
    if n = 0 then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      turns (n - 1)
  in
  let+ () = turns 100 in
  let direct, in_lwt = Domain.join domain in
  Alcotest.(check (option string)) "no other exception" None direct;
  Alcotest.(check (option int)) "the first" (Some 0) in_lwt

(* {1 Functions over streams} *)

let parallel () =
  let running = ref 0 and most = ref 0 and seen = ref [] in
  let f item =
    incr running;
    most := max !most !running;
    seen := item :: !seen;
    let+ () = Lwt_unix.sleep (0.001 *. float (1 + (item mod 3))) in
    decr running
  in
  let+ () = S.iter_p ~max:4 f (Rust.numbers 20) in
  check_ints "each once" (up_to 20) (List.sort Int.compare !seen);
  check_int "at a time" 4 !most

let parallel_fails () =
  let ended = ref 0 and begun = ref 0 in
  let stream = Rust.numbers 100 in
  let f item =
    incr begun;
    if item = 5 then Lwt.fail Exit
    else
      let+ () = Lwt_unix.sleep 0.005 in
      incr ended
  in
  let* () = expect "the exception" (S.iter_p ~max:3 f stream) (( = ) Exit) in
  check_int "the others have ended" (!begun - 1) !ended;
  let* next = S.next stream in
  Alcotest.(check (option int)) "nothing is lost" (Some !begun) next;
  S.close stream;
  (* Workers that wait for an item stop. *)
  let stream = Rust.script [ Item 1; Item 2; Sleep; Sleep; Sleep; Item 3 ] in
  let f item = if item = 2 then Lwt.fail Exit else Lwt.return_unit in
  let* () = expect "the exception" (S.iter_p ~max:3 f stream) (( = ) Exit) in
  let+ rest = S.to_list stream in
  check_ints "the rest" [ 3 ] rest

let maps () =
  let stream = S.map (fun n -> 2 * n) (Rust.numbers 4) in
  let* first = S.next_chunk 2 stream in
  check_ints "a chunk" [ 0; 2 ] (Array.to_list first);
  let* rest = S.to_list stream in
  check_ints "the rest" [ 4; 6 ] rest;
  let alive = Rust.alive () in
  let stream =
    S.map (fun n -> if n = 2 then raise Exit else n) (Rust.numbers 4)
  in
  let* first = S.next_chunk 10 stream in
  check_ints "before the exception" [ 0; 1 ] (Array.to_list first);
  let* () = expect "the exception" (S.next stream) (( = ) Exit) in
  let+ after = S.next stream in
  Alcotest.(check (option int)) "after it" None after;
  check_int "dropped" alive (Rust.alive ())

let conversions () =
  let* items = Lwt_seq.to_list (S.to_lwt_seq (Rust.numbers 3)) in
  check_ints "sequence" [ 0; 1; 2 ] items;
  let* items = Lwt_stream.to_list (S.to_lwt_stream (Rust.numbers 3)) in
  check_ints "Lwt_stream" [ 0; 1; 2 ] items;
  let back name stream =
    let+ items = S.to_list stream in
    check_ints name [ 0; 1; 2 ] items
  in
  let* () = back "list" (S.of_list [ 0; 1; 2 ]) in
  let* () = back "seq" (S.of_seq (List.to_seq [ 0; 1; 2 ])) in
  let* () = back "lwt seq" (S.of_lwt_seq (Lwt_seq.of_list [ 0; 1; 2 ])) in
  back "lwt stream" (S.of_lwt_stream (Lwt_stream.of_list [ 0; 1; 2 ]))

let wrong_arguments () =
  let refused f =
    match f () with
    | (_ : unit) -> Alcotest.fail "not refused"
    | exception Invalid_argument _ -> ()
  in
  refused (fun () -> ignore (S.next_chunk 0 (Rust.numbers 1)));
  refused (fun () ->
      ignore (S.iter_p ~max:0 (fun _ -> Lwt.return_unit) (Rust.numbers 1)));
  Lwt.return_unit

(* {1 Streams of OCaml's} *)

let later n =
  let+ () = Lwt.pause () in
  n

(* A stream of the numbers below [count], which notes what it was asked for. *)
type noted = { mutable asked : int; mutable closed : int; stream : int S.t }

let noted ?(wait = fun _ -> false) count =
  let rec noted =
    lazy
      (let get () =
         let noted = Lazy.force noted in
         let n = noted.asked in
         noted.asked <- n + 1;
         if n >= count then Lwt.return_none
         else if wait n then Lwt.map Option.some (later n)
         else Lwt.return_some n
       in
       let on_close () =
         let noted = Lazy.force noted in
         noted.closed <- noted.closed + 1
       in
       { asked = 0; closed = 0; stream = S.from ~on_close get })
  in
  Lazy.force noted

let rust_reads () =
  let* sum = Rust.sum_stream (S.of_list (up_to 10)) in
  check_int "ready" 45 sum;
  let every_third = noted ~wait:(fun n -> n mod 3 = 0) 10 in
  let* sum = Rust.sum_stream every_third.stream in
  check_int "not ready" 45 sum;
  check_int "not closed" 0 every_third.closed;
  let* sum = Rust.sum_stream (Rust.numbers 10) in
  check_int "one of Rust's" 45 sum;
  let* sum = Rust.sum_stream (S.map succ (Rust.from_tokio 10 3)) in
  check_int "one of tokio's" 55 sum;
  let+ lengths =
    S.to_list (Rust.lengths_of_texts (S.of_list [ "a"; ""; "abc" ]))
  in
  check_ints "within a stream" [ 1; 0; 3 ] lengths

(* [int array] for bytes, and flat arrays for floats. *)
let rust_echoes () =
  let bytes = [ 0; 255; 7; 8; 9 ] in
  let* got = S.to_list (Rust.echo_bytes_of (S.of_list bytes)) in
  check_ints "bytes" bytes got;
  let floats = [ 0.5; -1.5; infinity; 3.; 4. ] in
  let* got = S.to_list (Rust.echo_floats_of (S.of_list floats)) in
  Alcotest.(check (list (float 0.))) "floats" floats got;
  let stream = Rust.echo_bytes_of (S.of_list [ 1; 2; 256; 3 ]) in
  let* first = S.next_chunk 10 stream in
  check_ints "before one that is no byte" [ 1; 2 ] (Array.to_list first);
  expect "one that is no byte" (S.next stream) (function
    | Lwt_rust.Error { message; _ } ->
        String.starts_with ~prefix:"an item of a stream" message
    | _ -> false)

let rust_takes elsewhere () =
  let take count prefetch =
    let noted = noted ~wait:(fun n -> n = 4) 100 in
    let* items = Rust.take noted.stream count prefetch elsewhere in
    check_ints "items" (up_to count) items;
    (* From another thread, OCaml hears of it a little later. *)
    let rec until_closed n =
      if noted.closed > 0 || n = 0 then Lwt.return_unit
      else
        let* () = Lwt_unix.sleep 0.001 in
        until_closed (n - 1)
    in
    let+ () = until_closed 1_000 in
    check_int "closed once" 1 noted.closed;
    noted.asked
  in
  let* asked = take 3 1 in
  check_int "asked for no more" 3 asked;
  let* asked = take 3 8 in
  (* The one that was not ready has ended the chunk. *)
  check_int "prefetch" 5 asked;
  let* asked = take 6 8 in
  check_bool "prefetch" true (asked <= 4 + 8 + 1);
  let+ (_ : int) = take 0 1 in
  ()

let rust_drops () =
  let noted1 = noted 3 and noted2 = noted 3 in
  Rust.drop_stream noted1.stream;
  let* () = Rust.drop_stream_elsewhere noted2.stream in
  let rec until_closed n =
    if (noted1.closed > 0 && noted2.closed > 0) || n = 0 then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      until_closed (n - 1)
  in
  let+ () = until_closed 1_000 in
  check_int "by a plain function" 1 noted1.closed;
  check_int "on tokio" 1 noted2.closed

(* When the call is cancelled, so is what the stream waits for, and the stream is closed. *)
let rust_is_cancelled () =
  let closed = ref 0 and cancelled = ref false in
  let get () =
    let promise, _ = Lwt.task () in
    Lwt.on_cancel promise (fun () -> cancelled := true);
    promise
  in
  let call = Rust.sum_stream (S.from ~on_close:(fun () -> incr closed) get) in
  check_bool "waits" true (is_pending call);
  Lwt.cancel call;
  let+ () = pauses 3 in
  check_bool "cancelled" true !cancelled;
  check_int "closed" 1 !closed

let rust_gets_exceptions () =
  let asked = ref 0 in
  let get () =
    incr asked;
    if !asked = 3 then raise Exit else Lwt.return_some !asked
  in
  let* () = expect "raised" (Rust.sum_stream (S.from get)) (( = ) Exit) in
  let get () = Lwt.fail Exit in
  let* () = expect "rejected" (Rust.sum_stream (S.from get)) (( = ) Exit) in
  let stream =
    S.map (fun n -> if n = 2 then raise Exit else n) (Rust.numbers 4)
  in
  let* () = expect "in a map" (Rust.sum_stream stream) (( = ) Exit) in
  expect "of Rust's own"
    (Rust.sum_stream (Rust.script [ Item 1; Fail ]))
    failure

(* {1 Against a model} *)

type operation =
  | Next
  | Chunk of int
  | Cancelled_next
  | Pause
  | Two
  | Close
  | Collect

let show_event : Rust.event -> string = function
  | Item n -> Printf.sprintf "Item %d" n
  | Yield -> "Yield"
  | Sleep -> "Sleep"
  | Fail -> "Fail"
  | Panic -> "Panic"

let show_operation = function
  | Next -> "Next"
  | Chunk n -> Printf.sprintf "Chunk %d" n
  | Cancelled_next -> "Cancelled_next"
  | Pause -> "Pause"
  | Two -> "Two"
  | Close -> "Close"
  | Collect -> "Collect"

let events =
  QCheck.Gen.(
    list_size (int_bound 20)
      (Choices.weighted
         [
           (10, map (fun n -> Rust.Item n) nat);
           (4, return Rust.Yield);
           (1, return Rust.Sleep);
           (1, return Rust.Fail);
           (1, return Rust.Panic);
         ]))

let operations =
  QCheck.Gen.(
    list_size (int_bound 20)
      (Choices.weighted
         [
           (6, return Next);
           (4, map (fun n -> Chunk (n + 1)) (int_bound 5));
           (3, return Cancelled_next);
           (2, return Pause);
           (2, return Two);
           (1, return Close);
           (1, return Collect);
         ]))

type ending = Ended | Failed | Panicked

(* The items of a script before its end, and how it ends. *)
let rec expected : Rust.event list -> int list * ending = function
  | [] -> ([], Ended)
  | Fail :: _ -> ([], Failed)
  | Panic :: _ -> ([], Panicked)
  | (Yield | Sleep) :: rest -> expected rest
  | Item n :: rest ->
      let items, ending = expected rest in
      (n :: items, ending)

let ending_of = function
  | Lwt_rust.Panic _ -> Panicked
  | exn when failure exn -> Failed
  | exn -> raise exn

(* What a reader has seen: items, and the ends in between. *)
type seen = { mutable items : int list; mutable ends : ending list }

let saw seen read =
  let+ read = result read in
  match read with
  | Ok [] -> seen.ends <- Ended :: seen.ends
  | Ok items -> seen.items <- List.rev_append items seen.items
  | Error Lwt.Canceled -> ()
  | Error exn -> seen.ends <- ending_of exn :: seen.ends

let one stream = Lwt.map Option.to_list (S.next stream)

let perform stream seen = function
  | Next -> saw seen (one stream)
  | Chunk n -> saw seen (Lwt.map Array.to_list (S.next_chunk n stream))
  | Cancelled_next ->
      let read = one stream in
      Lwt.cancel read;
      saw seen read
  | Two ->
      let first = one stream in
      let second = one stream in
      Lwt.cancel first;
      let* () = saw seen first in
      saw seen second
  | Pause -> Lwt.pause ()
  | Collect ->
      Gc.full_major ();
      Lwt.return_unit
  | Close ->
      S.close stream;
      Lwt.return_unit

(* What earlier cases have left. *)
let collected_once = lazy (collect ())

let model (script, operations) =
  Lazy.force collected_once;
  Lwt_main.run
    (let before = Rust.alive () in
     let stream = Rust.script script in
     let seen = { items = []; ends = [] } in
     let* () = Lwt_list.iter_s (perform stream seen) operations in
     let is_closed = List.mem Close operations in
     let* () =
       if is_closed then Lwt.return_unit
       else
         let rec drain () =
           if List.mem Ended seen.ends then Lwt.return_unit
           else
             let* () = saw seen (one stream) in
             drain ()
         in
         drain ()
     in
     let items, ending = expected script in
     let got = List.rev seen.items in
     let errors = List.filter (( <> ) Ended) seen.ends in
     let is_prefix =
       List.length got <= List.length items
       && List.for_all2 ( = ) got
            (List.filteri (fun i _ -> i < List.length got) items)
     in
     if not is_prefix then QCheck.Test.fail_report "other items";
     if not is_closed then (
       if got <> items then QCheck.Test.fail_report "items are missing";
       if errors <> if ending = Ended then [] else [ ending ] then
         QCheck.Test.fail_report "another end";
       if Rust.alive () <> before then QCheck.Test.fail_report "not dropped")
     else if Rust.alive () <> before then
       QCheck.Test.fail_report "not dropped after the close";
     Lwt.return_true)

let agrees_with_model =
  QCheck_alcotest.to_alcotest
    (QCheck.Test.make ~count:500 ~name:"reads of a stream of Rust's"
       (QCheck.make
          ~print:(fun (script, operations) ->
            String.concat "; " (List.map show_event script)
            ^ " / "
            ^ String.concat "; " (List.map show_operation operations))
          QCheck.Gen.(pair events operations))
       model)

(* The same script as a stream of OCaml's, which Rust reads. *)
let stream_of script ~on_close =
  let rest = ref script in
  let rec get () =
    match !rest with
    | [] -> Lwt.return_none
    | event :: following -> (
        rest := following;
        match (event : Rust.event) with
        | Item n -> Lwt.return_some n
        | Yield -> Lwt.bind (Lwt.pause ()) get
        | Sleep -> Lwt.bind (Lwt_unix.sleep 0.0005) get
        | Fail -> Lwt.fail Exit
        | Panic -> raise Exit)
  in
  S.from ~on_close get

let model_of_ocaml (script, (count, prefetch, elsewhere)) =
  Lwt_main.run
    (let closed = ref 0 in
     let stream = stream_of script ~on_close:(fun () -> incr closed) in
     let* got = result (Rust.take stream count (prefetch + 1) elsewhere) in
     let items, ending = expected script in
     let wanted = List.filteri (fun i _ -> i < count) items in
     let fails = ending <> Ended && List.length items < count in
     let rec until n =
       if n = 0 || !closed > 0 then Lwt.return_unit
       else
         let* () = Lwt_unix.sleep 0.0005 in
         until (n - 1)
     in
     let* () = until (if List.length items < count then 1 else 1_000) in
     (match got with
     | Ok got ->
         if got <> wanted then QCheck.Test.fail_report "other items";
         if fails then QCheck.Test.fail_report "no exception";
         (* It was dropped before its end, unless the end was prefetched. *)
         if List.length items > count + prefetch + 1 && !closed <> 1 then
           QCheck.Test.fail_report "not closed"
     | Error Exit -> if not fails then QCheck.Test.fail_report "an exception"
     | Error exn -> raise exn);
     Lwt.return_true)

let agrees_with_model_of_ocaml =
  QCheck_alcotest.to_alcotest
    (QCheck.Test.make ~count:300 ~name:"reads of a stream of OCaml's"
       (QCheck.make
          ~print:(fun (script, (count, prefetch, elsewhere)) ->
            Printf.sprintf "%s / %d %d %b"
              (String.concat "; " (List.map show_event script))
              count prefetch elsewhere)
          QCheck.Gen.(pair events (triple (int_bound 20) (int_bound 6) bool)))
       model_of_ocaml)

(* {1 Leaks} *)

let given_once () =
  let stream = S.of_list [ 1; 2; 3 ] in
  let* sum = Rust.sum_stream stream in
  check_int "sum" 6 sum;
  expect "again" (Rust.sum_stream stream) (function
    | Lwt_rust.Error { message; _ } ->
        String.ends_with ~suffix:"lend of the stream" message
    | _ -> false)

let lent () =
  let is_closed = ref false in
  let next = ref (-1) in
  let get () =
    incr next;
    Lwt.return (if !next < 5 then Some !next else None)
  in
  let stream = S.from ~on_close:(fun () -> is_closed := true) get in
  let* taken = Rust.take (S.lend stream) 2 1 false in
  check_int "taken" 2 (List.length taken);
  let* third = S.next stream in
  Alcotest.(check (option int)) "OCaml's" (Some 2) third;
  let lent = S.lend stream in
  S.close lent;
  let* none = S.next lent in
  Alcotest.(check (option int)) "closed" None none;
  check_bool "open" false !is_closed;
  let* rest = Rust.sum_stream (S.lend stream) in
  check_int "the rest" (3 + 4) rest;
  let+ none = S.next stream in
  Alcotest.(check (option int)) "the end" None none

let nothing_is_left () =
  leaves_nothing
    ~others:(fun () -> [ Rust.alive () ])
    (fun () ->
      let* _ = S.to_list (Rust.numbers 10) in
      let* _ = S.to_list (Rust.from_tokio 10 3) in
      let* _ = result (S.to_list (Rust.script [ Item 1; Sleep; Fail ])) in
      let* _ = Rust.sum_stream (S.of_list [ 1; 2 ]) in
      let* _ = Rust.take (S.of_list [ 1; 2; 3 ]) 1 2 true in
      let reader = S.next (Rust.silence ()) in
      Lwt.cancel reader;
      let stream = Rust.silence () in
      let (_ : unit option Lwt.t) = S.next stream in
      S.close stream;
      Lwt_unix.sleep 0.002)

let () =
  Alcotest.run "streams"
    [
      ("ways", every_way);
      ( "streams of Rust's",
        [
          case "an error" (ends_with "an error" Rust.Fail failure);
          case "a panic"
            (ends_with "a panic" Rust.Panic (function
              | Lwt_rust.Panic { message; _ } -> message = "a stream panics"
              | _ -> false));
          case "chunks" chunks;
          case "large chunks" large_chunks;
          case "demand" asks_for_no_more;
          case "a producer that is ahead" bounded;
          case "a reader is cancelled" cancelled;
          case "a reader is cancelled late" cancelled_late;
          case "readers are cancelled together" cancelled_together;
          case "readers are cancelled in turn" cancelled_in_turn;
          case "a reader is cancelled within the poll" cancelled_within_the_poll;
          case "closed for good" closed_for_good;
          case "an exception that Lwt does not catch" not_caught;
          case "several readers" several_readers;
          case "closed" closed;
          case "collected" collected;
          case "closed within its poll" closes_itself;
          case "pulled within its poll" pulls_itself;
          case "a destructor that panics" destructor_panics;
          case "closures" calls_closures;
          case "turns" leaves_turns;
        ]
        @ left_out starts_a_domain [ case "another domain" other_domain ] );
      ( "functions",
        [
          case "iter_p" parallel;
          case "iter_p that fails" parallel_fails;
          case "map" maps;
          case "conversions" conversions;
          case "wrong arguments" wrong_arguments;
        ] );
      ( "streams of OCaml's",
        [
          case "read" rust_reads;
          case "given back" rust_echoes;
          case "taken from" (rust_takes false);
          case "taken from on tokio" (rust_takes true);
          case "dropped" rust_drops;
          case "cancelled" rust_is_cancelled;
          case "exceptions" rust_gets_exceptions;
          case "given once" given_once;
          case "lent" lent;
        ] );
      ("model", [ agrees_with_model; agrees_with_model_of_ocaml ]);
      ("leaks", [ case "nothing is left" nothing_is_left ]);
    ]
