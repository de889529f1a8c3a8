(* Streams, sinks and channels. Each item arrives once, and in its order, however it is sent
   and read, and whatever is cancelled meanwhile. *)

open Lwt.Syntax
open Support
open Inside
module C = Lwt_rust.Channel
module K = Lwt_rust.Sink
module S = Lwt_rust.Stream

let up_to n = List.init n Fun.id
let some_turns () = pauses (Random.int 3)

let some_time () =
  one_of [ Lwt.return; Lwt.pause; Rust.yield 2; Rust.sleep 1 ] ()

let is_sometimes n = Random.int n = 0

let rec is_prefix items all =
  match (items, all) with
  | [], _ -> true
  | item :: items, other :: all -> item = other && is_prefix items all
  | _ :: _, [] -> false

let rec is_increasing = function
  | first :: (second :: _ as rest) -> first < second && is_increasing rest
  | [ _ ] | [] -> true

(* {1 Reading} *)

type ending = Ended | Stopped | Failed of exn

(* What a reader got: items, or the end, or nothing if it was cancelled. *)
type read = { items : int list; ending : ending option }

let nothing = { items = []; ending = None }

let chunk stream =
  let+ items = S.next_chunk (1 + Random.int 9) stream in
  Array.to_list items

let one stream = Lwt.map Option.to_list (S.next stream)

let what_it_got reader =
  let+ result = result reader in
  match result with
  | Ok [] -> { nothing with ending = Some Ended }
  | Ok items -> { nothing with items }
  | Error Lwt.Canceled -> nothing
  | Error exn -> { nothing with ending = Some (Failed exn) }

let cancelled_read stream =
  let reader = one_of [ one; chunk ] stream in
  let* () = some_turns () in
  Lwt.cancel reader;
  what_it_got reader

(* The first one is cancelled. It has its items, or leaves them to the second one. *)
let two_reads stream =
  let first = chunk stream in
  let second = chunk stream in
  let* () = some_turns () in
  Lwt.cancel first;
  let* first = what_it_got first in
  let+ second = what_it_got second in
  check "no item after the end" (first.ending = None || second.items = []);
  let ending = if first.ending = None then second.ending else first.ending in
  { items = first.items @ second.items; ending }

let read_some stream =
  match Random.int 6 with
  | 0 | 1 -> what_it_got (one stream)
  | 2 -> what_it_got (chunk stream)
  | 3 -> cancelled_read stream
  | 4 -> two_reads stream
  | _ -> Lwt.map (fun () -> nothing) (some_turns ())

(* The items, in their order, and how they end. It stops when there are [most]. *)
let read_all ?(most = max_int) stream =
  let rec go got =
    if List.length got >= most then Lwt.return (List.rev got, Stopped)
    else
      let* { items; ending } = read_some stream in
      let got = List.rev_append items got in
      match ending with
      | Some ending -> Lwt.return (List.rev got, ending)
      | None -> go got
  in
  go []

(* {1 Streams of Rust's} *)

type last = Nothing_more | An_error | A_panic

let script count last =
  let step n : Rust.event list =
    match Random.int 8 with
    | 0 -> [ Yield; Item n ]
    | 1 -> [ Sleep; Item n ]
    | _ -> [ Item n ]
  in
  let last : Rust.event list =
    match last with
    | Nothing_more -> []
    | An_error -> [ Fail; Item 0 ]
    | A_panic -> [ Panic; Item 0 ]
  in
  Rust.script (List.concat_map step (up_to count) @ last)

let is_its_end last ending =
  match (last, ending) with
  | Nothing_more, Ended
  | An_error, Failed (Lwt_rust.Error _)
  | A_panic, Failed (Lwt_rust.Panic _) ->
      true
  | _, Stopped -> true
  | (Nothing_more | An_error | A_panic), (Ended | Failed _) -> false

(* It is read to its end, or closed, or left to the collector. *)
let is_read ?(last = Nothing_more) count stream =
  let most = if is_sometimes 4 then Random.int (count + 1) else max_int in
  let* items, ending = read_all ~most stream in
  check "items of a stream" (is_prefix items (up_to count));
  check "the end of a stream" (is_its_end last ending);
  if ending <> Stopped then (
    check "all items" (List.length items = count);
    let+ after = S.next stream in
    check "after the end" (after = None))
  else if is_sometimes 3 then Lwt.return_unit
  else
    let waiting = S.next stream in
    S.close stream;
    let* result = result waiting in
    (match result with
    | Ok _ -> ()
    | Error exn -> check "a last reader" (is_its_end last (Failed exn)));
    let+ after = S.next stream in
    check "after the close" (after = None)

let of_rust () =
  let count = Random.int 100 in
  match Random.int 6 with
  | 0 -> is_read count (Rust.numbers count)
  | 1 -> is_read count (Rust.from_tokio count (1 + Random.int 9))
  | 2 -> is_read count (Rust.calling pausing count)
  | 3 -> is_read count (S.map succ (S.map pred (script count Nothing_more)))
  | 4 ->
      let* stream = Rust.numbers_later count in
      is_read count stream
  | _ ->
      let last = one_of [ Nothing_more; An_error; A_panic ] in
      is_read ~last count (script count last)

(* {1 Streams and sinks of OCaml's}

   [ended] is resolved when the stream has ended, or was closed. *)

type 'a given = { it : 'a; seen : int list ref; ended : unit Lwt.t }

let a_stream ?(fails_at = max_int) count =
  let ended, resolver = Lwt.wait () in
  let seen = ref [] and next = ref 0 in
  (* It may be closed when it has failed, and Rust does not know that yet. *)
  let has_ended () = if is_pending ended then Lwt.wakeup resolver () in
  let get () =
    let* () = some_time () in
    let n = !next in
    if n = fails_at then (
      has_ended ();
      raise Exit)
    else if n = count then (
      has_ended ();
      Lwt.return_none)
    else (
      incr next;
      seen := n :: !seen;
      Lwt.return_some n)
  in
  { it = S.from ~on_close:has_ended get; seen; ended }

let a_sink ?(fails_at = max_int) () =
  let ended, resolver = Lwt.wait () in
  let seen = ref [] in
  let send n =
    if n = fails_at then raise Exit;
    seen := n :: !seen;
    some_time ()
  in
  (* It is called once. *)
  let close () =
    Lwt.wakeup_later resolver ();
    some_time ()
  in
  { it = K.make ~flush:some_time ~close send; seen; ended }

(* [call] uses a stream or a sink. Checks what it has used. *)
let is_used given call ~count check_result =
  let* () =
    if is_sometimes 4 then
      let+ () = some_turns () in
      Lwt.cancel call
    else Lwt.return_unit
  in
  let* result = result call in
  let* () = given.ended in
  check "in their order" (is_prefix (List.rev !(given.seen)) (up_to count));
  (match result with
  | Error Lwt.Canceled -> ()
  | Ok value -> check_result (Ok value)
  | Error exn -> check_result (Error exn));
  Lwt.return_unit

let fails_or_not count =
  if is_sometimes 4 then Some (Random.int count) else None

let taken () =
  let count = 1 + Random.int 30 in
  let fails_at = fails_or_not count in
  let given = a_stream ?fails_at count in
  let wanted = 1 + Random.int 30 in
  let prefetch = 1 + Random.int 8 in
  let call = Rust.take given.it wanted prefetch (Random.bool ()) in
  let there = Option.value fails_at ~default:count in
  is_used given call ~count (function
    | Ok items -> check "taken" (items = up_to (min wanted count))
    | Error exn -> check "not taken" (exn = Exit && there < wanted))

let filled () =
  let count = 1 + Random.int 30 in
  let fails_at = fails_or_not count in
  let given = a_sink ?fails_at () in
  let call = Rust.count_into given.it count (Random.bool ()) in
  is_used given call ~count (function
    | Ok () ->
        check "filled" (List.rev !(given.seen) = up_to count && fails_at = None)
    | Error exn -> check "not filled" (exn = Exit && fails_at <> None))

(* From a stream to a sink, each of OCaml's. *)
let copied () =
  let count = 1 + Random.int 30 in
  let from = a_stream ?fails_at:(fails_or_not count) count in
  let into = a_sink ?fails_at:(fails_or_not count) () in
  let call = Rust.copy_all from.it into.it (Random.bool ()) in
  let* () = is_used from call ~count ignore in
  let+ result = result call and* () = into.ended in
  let seen = List.rev !(into.seen) in
  check "in their order" (is_prefix seen (up_to count));
  match result with
  | Ok () -> check "copied" (seen = up_to count)
  | Error (Exit | Lwt.Canceled) -> ()
  | Error exn -> raise exn

(* {1 Channels} *)

(* The values in a channel of OCaml's are blocks. *)
let boxed (sink, stream) =
  let close () = K.close sink in
  (K.make ~close (fun n -> K.send sink (ref n)), S.map ( ! ) stream)

let channel () =
  let capacity = 1 + Random.int 4 in
  match Random.int 5 with
  | 0 -> Rust.channel_of capacity
  | 1 -> C.bounded capacity
  | 2 -> boxed (C.bounded capacity)
  | 3 -> boxed (C.unbounded ())
  | _ ->
      (* A call carries the items from one channel to another. *)
      let sink, stream = C.bounded capacity in
      let into, copied = Rust.channel_of capacity in
      let carrying = Rust.copy_all stream into (Random.bool ()) in
      (* It fails if the last one is closed. *)
      Lwt.ignore_result (result carrying);
      (sink, copied)

let no_receiver = function
  | Lwt_rust.Error { message; _ } ->
      message = "the channel is closed: nobody receives from it any more"
  | exn -> raise exn

(* Whether [n] was sent. A cancelled one is not. *)
let send sink n =
  match Random.int 4 with
  | 0 -> Lwt.return (K.try_send sink n)
  | 1 -> (
      let sending = K.feed sink n in
      let* () = some_turns () in
      Lwt.cancel sending;
      let+ result = result sending in
      match result with
      | Ok () -> true
      | Error Lwt.Canceled -> false
      | Error exn -> raise exn)
  | _ -> Lwt.map (fun () -> true) (one_of [ K.send; K.feed ] sink n)

let many = 1_000

(* Sends [count] numbers, each until it was sent. The result is how many were. *)
let send_all sink sender count =
  let rec go n =
    if n = count then Lwt.return n
    else
      let* is_sent = result (Lwt.apply (send sink) ((sender * many) + n)) in
      match is_sent with
      | Ok true -> go (n + 1)
      | Ok false ->
          let* () = Lwt.pause () in
          go n
      | Error exn ->
          check "sending" (no_receiver exn);
          Lwt.return n
  in
  go 0

(* Several tasks send and read. The stream may be closed before its end. *)
let through_a_channel () =
  let sink, stream = channel () in
  let senders = up_to (1 + Random.int 3) and count = Random.int 30 in
  let most = if is_sometimes 5 then Random.int 30 else max_int in
  let sending =
    let* sent = Lwt_list.map_p (fun n -> send_all sink n count) senders in
    let+ closed = result (K.close sink) in
    check "closed" (closed = Ok ());
    sent
  in
  let read () =
    let+ items, ending = read_all ~most stream in
    check "the end of a channel" (ending = Ended || ending = Stopped);
    if ending = Stopped then S.close stream;
    items
  in
  let readers = List.init (1 + Random.int 3) (fun _ -> read ()) in
  let* sent = sending in
  let+ got = Lwt.all readers in
  let of_sender n = List.filter (fun item -> item / many = n) in
  let check_sender n sent =
    let is_in_order items = List.sort Int.compare items = items in
    check "each reader, in order"
      (List.for_all (fun items -> is_in_order (of_sender n items)) got);
    let all = List.sort Int.compare (of_sender n (List.concat got)) in
    let expected = List.map (fun item -> (n * many) + item) (up_to sent) in
    check "each once"
      (if most = max_int then all = expected
       else List.length all <= sent && is_increasing all)
  in
  List.iter2 check_sender senders sent

(* A sink of Rust's has room for one item. It notes when it is closed and dropped. *)
let through_a_sink () =
  let count = Random.int 10 in
  let sink, stream = Rust.slow_pipe (Random.float 0.001) in
  let sending =
    let* sent = send_all sink 0 count in
    check "all are sent" (sent = count);
    let* () = if Random.bool () then K.flush sink else Lwt.return_unit in
    K.close sink
  in
  let* items, ending = read_all stream in
  let+ () = sending in
  check "what has arrived" (items = up_to count @ [ -1; -2 ] && ending = Ended)

(* An end is left to the collector. *)
let left () =
  let sink, stream = channel () in
  let* sent = send_all sink 0 1 in
  check "one is sent" (sent = 1);
  let+ first = if Random.bool () then S.next stream else Lwt.return_some 0 in
  check "the first" (first = Some 0)

(* A domain makes ends, and leaves them open when it ends. A thread of tokio's may still read
   its stream. *)
let left_in_a_domain () =
  let stream = Rust.from_tokio 100 3 and sink, received = Rust.channel_of 1 in
  ignore (Sys.opaque_identity (stream, sink, received));
  let items = S.of_seq (Seq.ints 0) in
  ignore (Rust.Call.take items max_int 3 true : int list Lwt_rust.Executor.call)

let in_a_domain () =
  let run = Lwt_rust.Executor.run in
  let call () = Rust.Call.take (S.of_list (up_to 20)) 10 3 (Random.bool ()) in
  check "taken in a domain" (run call = up_to 10);
  let sent = ref [] in
  let sink = K.make (fun n -> Lwt.return (sent := n :: !sent)) in
  run (fun () -> Rust.Call.count_into sink 5 (Random.bool ()));
  check "filled in a domain" (List.rev !sent = up_to 5)

(* The flows that have begun and not ended, for the message of a run that does not end. *)
let running : (string, int) Hashtbl.t = Hashtbl.create 10

let count name change =
  let before = Option.value (Hashtbl.find_opt running name) ~default:0 in
  Hashtbl.replace running name (before + change)

let flow () =
  let name, flow =
    one_of
      [
        ("of_rust", of_rust);
        ("taken", taken);
        ("filled", filled);
        ("copied", copied);
        ("through_a_channel", through_a_channel);
        ("through_a_sink", through_a_sink);
        ("left", left);
      ]
  in
  count name 1;
  let+ () = flow () in
  count name (-1)

let show_running () =
  let show name count =
    if count = 0 then [] else [ Printf.sprintf "%s=%d" name count ]
  in
  String.concat " "
    (Hashtbl.fold (fun name count rest -> show name count @ rest) running [])
