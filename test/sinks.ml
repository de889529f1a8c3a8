(* Sinks: those that Rust makes, and those that it fills. Channels. *)

open Lwt.Syntax
open Support
module C = Lwt_rust.Channel
module K = Lwt_rust.Sink
module S = Lwt_rust.Stream

let check_ints = Alcotest.(check (list int))
let up_to n = List.init n Fun.id

(* What has arrived in the sinks of other cases. *)
let forget () = ignore (Rust.arrived () : int list)

let closed = function
  | Lwt_rust.Error { message; _ } -> message = "this sink was closed before"
  | _ -> false

let failed = function
  | Lwt_rust.Error { message; _ } ->
      message = "this sink has failed before, and takes no more items"
  | _ -> false

let given_before = function
  | Lwt_rust.Error { message; _ } ->
      String.ends_with ~suffix:"lend of the sink" message
  | _ -> false

let no_receiver = function
  | Lwt_rust.Error { message; _ } ->
      message = "the channel is closed: nobody receives from it any more"
  | _ -> false

(* {1 Sinks of Rust's} *)

let waits_while_full () =
  forget ();
  let sink = Rust.slow_sink 0.3 in
  let first = K.feed sink 1 in
  check_bool "there is room" false (is_pending first);
  let second = K.feed sink 2 in
  let third = K.feed sink 3 in
  check_bool "it is full" true (is_pending second && is_pending third);
  check_bool "there is no room" false (K.try_send sink 4);
  let* () = Lwt.join [ first; second; third ] in
  let* () = K.flush sink in
  check_ints "arrived" [ 1; 2; 3 ] (Rust.arrived ());
  check_bool "there is room again" true (K.try_send sink 5);
  let* () = K.close sink in
  check_ints "closed and dropped" [ 5; -1; -2 ] (Rust.arrived ());
  let* () = K.close sink in
  let* () = expect "sends" (K.send sink 6) closed in
  let+ () = expect "flushes" (K.flush sink) closed in
  check_ints "nothing more" [] (Rust.arrived ())

let cancelled () =
  forget ();
  let sink = Rust.slow_sink 0.3 in
  let* () = K.feed sink 1 in
  let full = K.feed sink 2 in
  let behind = K.feed sink 3 in
  let last = K.feed sink 4 in
  Lwt.cancel full;
  Lwt.cancel behind;
  let* () = last in
  let+ () = K.close sink in
  check_ints "arrived" [ 1; 4; -1; -2 ] (Rust.arrived ())

let arrives () =
  forget ();
  let sink = Rust.slow_sink 0.001 in
  let* () = K.send sink 1 in
  check_ints "sent" [ 1 ] (Rust.arrived ());
  let* () = K.feed sink 2 in
  check_ints "fed" [] (Rust.arrived ());
  let* () = K.flush sink in
  check_ints "flushed" [ 2 ] (Rust.arrived ());
  let* () = K.send_all sink (S.of_list [ 3; 4 ]) in
  check_ints "all" [ 3; 4 ] (Rust.arrived ());
  K.close sink

let fails () =
  forget ();
  let sink = Rust.slow_sink 0.001 in
  let* () =
    expect "an error" (K.send sink (-1)) (function
      | Lwt_rust.Error { message; _ } -> message = "no negative number"
      | _ -> false)
  in
  check_ints "dropped by the error" [ -2 ] (Rust.arrived ());
  let* () = expect "sends after it" (K.send sink 1) failed in
  let* () = expect "flushes after it" (K.flush sink) failed in
  let* () = K.close sink in
  let sink = Rust.slow_sink 0.001 in
  let* () = K.send sink 1 in
  let* () =
    expect "a panic" (K.send sink (-2)) (function
      | Lwt_rust.Panic { message; _ } -> message = "a sink panics"
      | _ -> false)
  in
  let* () = expect "after it" (K.send sink 1) closed in
  check_ints "dropped by the panic" [ 1; -2 ] (Rust.arrived ());
  let bytes, _ = Rust.bytes_channel () in
  let* () = K.send bytes 255 in
  expect "no byte" (K.send bytes 256) (function
    | Lwt_rust.Error { message; _ } ->
        String.starts_with ~prefix:"an item for a sink" message
    | _ -> false)

let collected () =
  forget ();
  let send () = K.feed (Rust.slow_sink 0.001) 1 in
  let* () = send () in
  let+ () = pauses 2 in
  for _ = 1 to 3 do
    Gc.full_major ()
  done;
  check_ints "dropped, and not closed" [ -2 ] (Rust.arrived ())

(* {1 Sinks of OCaml's} *)

type noted = { mutable got : int list; mutable calls : string list }

let noted ?(wait = Lwt.pause) () =
  let noted = { got = []; calls = [] } in
  let call name () =
    noted.calls <- name :: noted.calls;
    Lwt.pause ()
  in
  let send item =
    noted.got <- item :: noted.got;
    wait ()
  in
  (noted, K.make ~flush:(call "flush") ~close:(call "close") send)

let rec until ?(n = 2_000) condition =
  if condition () || n = 0 then Lwt.return_unit
  else
    let* () = Lwt_unix.sleep 0.001 in
    until ~n:(n - 1) condition

let rust_fills () =
  let noted, sink = noted () in
  let* () = Rust.count_into sink 5 true in
  check_ints "got" (up_to 5) (List.rev noted.got);
  Alcotest.(check (list string))
    "flushed and closed" [ "flush"; "close" ] (List.rev noted.calls);
  expect "OCaml sends later" (K.send sink 1) closed

let rust_drops () =
  let noted, sink = noted () in
  let* () = Rust.count_into sink 2 false in
  let+ () = until (fun () -> List.mem "close" noted.calls) in
  check_ints "got" (up_to 2) (List.rev noted.got);
  Alcotest.(check (list string))
    "flushed and closed" [ "flush"; "close" ] (List.rev noted.calls)

let rust_copies elsewhere () =
  let noted, sink = noted () in
  let* () = Rust.copy_all (S.of_list (up_to 20)) sink elsewhere in
  check_ints "got" (up_to 20) (List.rev noted.got);
  (* From one of Rust's to one of Rust's. *)
  forget ();
  let* () = Rust.copy_all (Rust.numbers 5) (Rust.slow_sink 0.001) elsewhere in
  let+ () = until (fun () -> false) ~n:3 in
  check_ints "arrived" (up_to 5 @ [ -1; -2 ]) (Rust.arrived ())

let rust_is_cancelled () =
  let cancelled = ref false in
  let wait () =
    let promise, _ = Lwt.task () in
    Lwt.on_cancel promise (fun () -> cancelled := true);
    promise
  in
  let noted, sink = noted ~wait () in
  let call = Rust.count_into sink 5 true in
  check_ints "it has begun" [ 0 ] noted.got;
  Lwt.cancel call;
  let+ () = until (fun () -> List.mem "close" noted.calls) in
  check_bool "cancelled" true !cancelled;
  check_ints "no more" [ 0 ] noted.got

let rust_gets_exceptions () =
  let fails item = if item = 2 then raise Exit else Lwt.return_unit in
  let* () =
    expect "raised" (Rust.count_into (K.make fails) 5 true) (( = ) Exit)
  in
  let rejects _ = Lwt.fail Exit in
  expect "rejected" (Rust.count_into (K.make rejects) 5 true) (( = ) Exit)

let given_once () =
  let noted, sink = noted () in
  let* () = Rust.count_into sink 2 true in
  let* () = expect "again" (Rust.count_into sink 2 true) given_before in
  Lwt.return (check_ints "got" [ 1; 0 ] noted.got)

let closes_once () =
  let calls = ref 0 in
  let may_end, end_ = Lwt.wait () in
  let close () =
    incr calls;
    may_end
  in
  let sink = K.make ~close (fun () -> Lwt.return_unit) in
  let first = K.close sink in
  Lwt.cancel first;
  let second = K.close sink in
  check_bool "goes on" true (is_pending first && is_pending second);
  Lwt.wakeup end_ ();
  let* () = Lwt.join [ first; second ] in
  check_int "calls" 1 !calls;
  let close () =
    incr calls;
    raise Exit
  in
  let sink = K.make ~close (fun () -> Lwt.return_unit) in
  let* () = expect "closes" (K.close sink) (( = ) Exit) in
  let+ () = expect "closes again" (K.close sink) (( = ) Exit) in
  check_int "calls that raise" 2 !calls

(* Whether or not it has to wait for its turn. *)
let rejects () =
  let may_end, end_ = Lwt.wait () in
  let sink = K.make (fun wait -> if wait then may_end else raise Exit) in
  let* () = expect "at once" (K.send sink false) (( = ) Exit) in
  let waits = K.send sink true in
  let behind = K.send sink false in
  Lwt.wakeup end_ ();
  let* () = waits in
  expect "in its turn" behind (( = ) Exit)

let lent () =
  let noted, sink = noted () in
  let* () = Rust.count_into (K.lend sink) 2 true in
  let* () = Rust.count_into (K.lend sink) 1 false in
  let* () = until (fun () -> List.length noted.calls >= 3) in
  let* () = K.send sink 7 in
  check_ints "got" [ 0; 1; 0; 7 ] (List.rev noted.got);
  check_bool "open" false (List.mem "close" noted.calls);
  let lent = K.lend sink in
  let* () = K.close lent in
  let* () = expect "sends" (K.send lent 8) closed in
  let* () = K.close sink in
  expect "sends when its sink is closed" (K.send (K.lend sink) 8) closed

(* {1 Channels} *)

let channel_of_rust () =
  let sink, stream = Rust.channel_of 3 in
  let sent = List.map (K.send sink) (up_to 5) in
  Alcotest.(check (list bool))
    "as many as there is room for"
    [ false; false; false; true; true ]
    (List.map is_pending sent);
  let* first = S.next stream in
  Alcotest.(check (option int)) "the first" (Some 0) first;
  let* () = List.nth sent 3 in
  let closed = K.close sink in
  let* rest = S.to_list stream in
  check_ints "the rest" [ 1; 2; 3; 4 ] rest;
  let* () = closed in
  let sink, stream = Rust.channel_of 1 in
  let* () = K.send sink 1 in
  let waits = K.send sink 2 in
  S.close stream;
  let* () = expect "one that waits" waits no_receiver in
  expect "another one" (K.send sink 3) no_receiver

let channel_of_ocaml () =
  let sink, stream = C.bounded 2 in
  let* () = K.send sink "a" in
  let* () = K.send sink "b" in
  check_bool "full" false (K.try_send sink "c");
  let* first = S.next stream in
  Alcotest.(check (option string)) "the first" (Some "a") first;
  check_bool "room" true (K.try_send sink "d");
  let* () = K.close sink in
  let* rest = S.to_list stream in
  Alcotest.(check (list string)) "the rest" [ "b"; "d" ] rest;
  let sink, stream = C.unbounded () in
  let* () = K.send_all sink (S.of_list [ 0.5; 1.5 ]) in
  let* () = K.close sink in
  let* all = S.to_list stream in
  Alcotest.(check (list (float 0.))) "floats" [ 0.5; 1.5 ] all;
  let refuse capacity =
    match C.bounded capacity with
    | (_ : unit K.t * unit S.t) -> Alcotest.fail "not refused"
    | exception Invalid_argument _ -> ()
  in
  List.iter refuse [ min_int; -1; 0; 1_000_001; max_int ];
  Lwt.return_unit

(* Rust fills and reads channels of OCaml's. *)
let channels_to_rust () =
  let numbers, received = C.bounded 4 in
  let copied, results = C.bounded 4 in
  let* (), (), sum =
    Lwt.map
      (function [ a; b; c ] -> ((), (), a + b + c) | _ -> ((), (), -1))
      (Lwt.all
         [
           Lwt.map (fun () -> 0) (Rust.count_into numbers 1_000 true);
           Lwt.map (fun () -> 0) (Rust.copy_all received copied true);
           S.fold ( + ) results 0;
         ])
  in
  check_int "sum" (1_000 * 999 / 2) sum;
  (* The values of OCaml's are the same ones. *)
  let sink, stream = C.unbounded () in
  let value = ref 0 in
  let* () = K.send sink value in
  let+ same = S.next stream in
  check_bool "the same" true (Option.get same == value)

let several_ends () =
  let sink, stream = C.bounded 1 in
  let send from =
    Lwt_list.iter_s (fun n -> K.send sink ((100 * from) + n)) (up_to 10)
  in
  let got = ref [] in
  let receive () = S.iter (fun item -> got := item :: !got) stream in
  let readers = List.init 3 (fun _ -> receive ()) in
  let* () = Lwt_list.iter_p send (up_to 4) in
  let* () = K.close sink in
  let+ () = Lwt.join readers in
  check_ints "each once"
    (List.concat_map
       (fun from -> List.map (( + ) (100 * from)) (up_to 10))
       (up_to 4))
    (List.sort Int.compare !got);
  let of_sender from = List.filter (fun n -> n / 100 = from) (List.rev !got) in
  List.iter
    (fun from ->
      check_ints "in order"
        (List.sort Int.compare (of_sender from))
        (of_sender from))
    (up_to 4)

(* Two functions fill a channel, and two read it. *)
let lent_ends () =
  let sink, stream = C.bounded 3 in
  let copied, results = C.bounded 3 in
  let fill () = Rust.count_into (K.lend sink) 100 true in
  let copy () = Rust.copy_all (S.lend stream) (K.lend copied) true in
  let filling =
    let* () = Lwt.join [ fill (); fill () ] in
    K.close sink
  in
  let copying =
    let* () = Lwt.join [ copy (); copy () ] in
    K.close copied
  in
  let* all = S.to_list results in
  let+ () = Lwt.join [ filling; copying ] in
  check_ints "each once"
    (List.concat_map (fun n -> [ n; n ]) (up_to 100))
    (List.sort Int.compare all)

let received_on_tokio () =
  forget ();
  let sink = Rust.received_on_tokio 5 in
  let* () = Lwt_list.iter_s (K.send sink) (up_to 5) in
  let rec until_closed n =
    let* sent = result (K.send sink n) in
    match sent with
    | Ok () -> until_closed (n + 1)
    | Error exn -> Lwt.return (no_receiver exn)
  in
  let+ is_closed = until_closed 5 in
  check_bool "the receiver is gone" true is_closed;
  check_ints "arrived" (up_to 5) (Rust.arrived ())

(* {1 Against a model} *)

type operation = Send | Try | Cancelled_send | Receive | Pause

let operations =
  QCheck.Gen.(
    list_size (int_bound 40)
      (Choices.weighted
         [
           (6, return Send);
           (2, return Try);
           (2, return Cancelled_send);
           (7, return Receive);
           (1, return Pause);
         ]))

let show = function
  | Send -> "Send"
  | Try -> "Try"
  | Cancelled_send -> "Cancelled_send"
  | Receive -> "Receive"
  | Pause -> "Pause"

(* The channel holds at most [capacity] items, in their order. Senders wait in theirs. *)
let model (capacity, operations) =
  let capacity = capacity + 1 in
  Lwt_main.run
    (let sink, stream = C.bounded capacity in
     let sent = ref [] and received = ref [] and next = ref 0 in
     let sending = ref [] and receiving = ref [] in
     let item () =
       incr next;
       !next
     in
     let send item =
       let promise = K.send sink item in
       sending := promise :: !sending;
       promise
     in
     let perform = function
       | Send ->
           let item = item () in
           sent := item :: !sent;
           ignore (send item : unit Lwt.t);
           Lwt.return_unit
       | Try ->
           let item = item () in
           if K.try_send sink item then sent := item :: !sent;
           Lwt.return_unit
       | Cancelled_send ->
           let item = item () in
           let promise = K.send sink item in
           if is_pending promise then Lwt.cancel promise
           else sent := item :: !sent;
           Lwt.return_unit
       | Receive ->
           let promise =
             Lwt.map
               (Option.iter (fun item -> received := item :: !received))
               (S.next stream)
           in
           receiving := promise :: !receiving;
           Lwt.return_unit
       | Pause -> Lwt.pause ()
     in
     let* () = Lwt_list.iter_s perform operations in
     let finish = S.iter (fun item -> received := item :: !received) stream in
     let* () = Lwt.join !sending in
     let* () = K.close sink in
     let* () = Lwt.join (finish :: !receiving) in
     Lwt.return (!received = !sent))

let agrees_with_model =
  QCheck_alcotest.to_alcotest
    (QCheck.Test.make ~count:500 ~name:"a channel"
       (QCheck.make
          ~print:(fun (capacity, operations) ->
            Printf.sprintf "%d: %s" (capacity + 1)
              (String.concat "; " (List.map show operations)))
          QCheck.Gen.(pair (int_bound 4) operations))
       model)

let nothing_is_left () =
  leaves_nothing (fun () ->
      let sink, stream = C.bounded 2 in
      let* () = K.send sink (ref 1) in
      let* _ = S.next stream in
      let* () = K.send sink (ref 2) in
      let* () = Rust.count_into (K.make (fun _ -> Lwt.pause ())) 3 true in
      let _, sink = noted () in
      let* () = Rust.copy_all (S.of_list [ 1; 2 ]) sink true in
      let sink = Rust.slow_sink 0.001 in
      let* () = K.send sink 1 in
      let waits = K.send sink 2 in
      Lwt.cancel waits;
      let* _ = result waits in
      Lwt_unix.sleep 0.002)

let () =
  Alcotest.run "sinks"
    [
      ( "sinks of Rust's",
        [
          case "full" waits_while_full;
          case "cancelled" cancelled;
          case "sent and fed" arrives;
          case "failures" fails;
          case "collected" collected;
        ] );
      ( "sinks of OCaml's",
        [
          case "filled" rust_fills;
          case "dropped" rust_drops;
          case "copied to" (rust_copies false);
          case "copied to on tokio" (rust_copies true);
          case "cancelled" rust_is_cancelled;
          case "exceptions" rust_gets_exceptions;
          case "given once" given_once;
          case "closed once" closes_once;
          case "rejected" rejects;
          case "lent" lent;
        ] );
      ( "channels",
        [
          case "of Rust's" channel_of_rust;
          case "of OCaml's" channel_of_ocaml;
          case "of OCaml's, for Rust" channels_to_rust;
          case "several ends" several_ends;
          case "lent ends" lent_ends;
          case "received on tokio" received_on_tokio;
        ] );
      ("model", [ agrees_with_model ]);
      ("leaks", [ case "nothing is left" nothing_is_left ]);
    ]
