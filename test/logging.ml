(* Rust's log. *)

open Lwt.Syntax
open Support
module L = Lwt_rust.Log
module R = Rust.Logged

(* {1 Lwt_rust.Log} *)

let name : L.level -> string = function
  | Error -> "error"
  | Warning -> "warning"
  | Info -> "info"
  | Debug -> "debug"
  | Trace -> "trace"

(* [until enough] waits until [enough ()], but not for ever. *)
let until enough =
  let rec go patience =
    if enough () || patience = 0 then pauses 3
    else
      let* () = Lwt_unix.sleep 0.001 in
      go (patience - 1)
  in
  go 2_000

(* The records of [body], of which there are [count]. *)
let records ?capacity ~levels count body =
  let got = ref [] and number = ref 0 in
  let targets, default = levels in
  L.set_levels ~targets default;
  L.start ?capacity (fun record ->
      incr number;
      got := record :: !got);
  let* () = body () in
  let+ () = until (fun () -> !number >= count) in
  let records = List.rev !got in
  check_int "records" count (List.length records);
  records

let now f () = Lwt.return (f ())
let shown (record : L.record) = (name record.level, record.message)

let all =
  [
    ("error", "an error");
    ("warning", "a warning");
    ("info", "an info of 5");
    ("debug", "a debug");
    ("trace", "a trace");
  ]

let check_shown what expected records =
  Alcotest.(check (list (pair string string)))
    what expected (List.map shown records)

(* The executor of the domain is made after the records. *)
let before_the_first_call () =
  let got = ref 0 in
  L.set_levels (Some Trace);
  L.start (fun _ -> incr got);
  R.log_all ();
  check_int "not yet" 0 !got;
  Lwt_main.run
    (let* () = Rust.yield 1 () in
     until (fun () -> !got = 5));
  check_int "records" 5 !got

let levels () =
  let firsts n = List.filteri (fun i _ -> i < n) all in
  let check_level (level, n) =
    let* logged = records ~levels:([], level) n (now R.log_all) in
    check_shown "log" (firsts n) logged;
    let* traced = records ~levels:([], level) n (now R.trace_all_here) in
    check_shown "tracing" (firsts n) traced;
    let+ on_tokio = records ~levels:([], level) n R.trace_all_on_tokio in
    check_shown "on tokio" (firsts n) on_tokio
  in
  Lwt_list.iter_s check_level
    L.
      [
        (Some Trace, 5);
        (Some Debug, 4);
        (Some Info, 3);
        (Some Warning, 2);
        (Some Error, 1);
        (None, 0);
        (Some Trace, 5);
      ]

let levels_of_targets () =
  let targets =
    L.[ ("shop::log", Some Error); ("shop", Some Debug); ("other", None) ]
  in
  let both () =
    R.log_all ();
    R.trace_all_here ();
    R.log_to "other::inner" "no";
    R.log_to "others" "yes"
  in
  let+ records = records ~levels:(targets, Some L.Info) 6 (now both) in
  Alcotest.(check (list (pair string string)))
    "targets"
    [
      ("shop::log", "error");
      ("shop::events", "error");
      ("shop::events", "warning");
      ("shop::events", "info");
      ("shop::events", "debug");
      ("others", "info");
    ]
    (List.map (fun (r : L.record) -> (r.target, name r.level)) records)

let parts () =
  let start = Unix.gettimeofday () in
  let* records = records ~levels:([], Some L.Info) 2 (now R.trace_fields) in
  let fields = Alcotest.(list (pair string string)) in
  let spans =
    [ ("request", [ ("id", "3"); ("user", "ann") ]); ("query", []) ]
  in
  List.iter
    (fun (record : L.record) ->
      Alcotest.(check (list (pair string fields))) "spans" spans record.spans;
      check_string "target" "shop" record.target;
      (match record.location with
      | Some location ->
          check_bool location true (contains location "testing/src/logged.rs:")
      | None -> Alcotest.fail "no location");
      check_bool "time" true
        (record.time >= start -. 1. && record.time <= Unix.gettimeofday () +. 1.))
    records;
  match records with
  | [ sent; only ] ->
      check_string "message" "sent" sent.message;
      Alcotest.check fields "fields"
        [
          ("text", "a b");
          ("number", "-2");
          ("large", "18446744073709551615");
          ("is_new", "true");
          ("float", "0.5");
          ("list", "[1, 2]");
          ("type", "raw");
          ("error", "no number: invalid digit found in string");
        ]
        sent.fields;
      check_string "no message" "" only.message;
      Alcotest.check fields "one field" [ ("only", "1") ] only.fields;
      Lwt.return_unit
  | _ -> assert false

let unwanted_records_are_not_formatted () =
  L.set_levels (Some Warning);
  check_int "not shown" 0 (R.log_counted ());
  let+ _ =
    records ~levels:([], Some L.Info) 3 (fun () ->
        check_int "shown" 3 (R.log_counted ());
        Lwt.return_unit)
  in
  ()

(* The loop does not run meanwhile. *)
let too_many () =
  let before = L.dropped () in
  let+ records =
    records ~capacity:10 ~levels:([], Some L.Info) 10
      (now (fun () -> R.log_many 100))
  in
  check_int "dropped" 90 (L.dropped () - before);
  Alcotest.(check (list string))
    "the first ones"
    (List.init 10 string_of_int)
    (List.map (fun (r : L.record) -> r.message) records)

(* The loop has turns in between. *)
let a_turn_takes_some () =
  let got = ref 0 and most = ref 0 and in_turn = ref 0 in
  L.set_levels (Some Info);
  L.start (fun { message; _ } ->
      check_string "order" (string_of_int !got) message;
      incr got;
      incr in_turn;
      most := max !most !in_turn);
  let hook = Lwt_main.Enter_iter_hooks.add_first (fun () -> in_turn := 0) in
  R.log_many 1_000;
  let+ () = until (fun () -> !got = 1_000) in
  Lwt_main.Enter_iter_hooks.remove hook;
  check_int "all" 1_000 !got;
  check_bool "in several turns" true (!most <= 640)

let from_many_threads () =
  let seen = Hashtbl.create 8 in
  let before = L.dropped () in
  let+ records =
    records ~capacity:100_000 ~levels:([], Some L.Info) 8_000 (fun () ->
        R.log_many_on_tokio 1_000 8)
  in
  List.iter
    (fun (record : L.record) ->
      Scanf.sscanf record.message "%d %d" (fun task number ->
          let next = Option.value ~default:0 (Hashtbl.find_opt seen task) in
          check_int "in order" next number;
          Hashtbl.replace seen task (number + 1)))
    records;
  check_int "none is dropped" before (L.dropped ())

let a_handler_that_raises () =
  let raised = ref 0 in
  let hook = !Lwt.async_exception_hook in
  (Lwt.async_exception_hook := fun _ -> incr raised);
  L.set_levels (Some Info);
  L.start (fun _ -> failwith "handler");
  R.log_many 3;
  let* () = until (fun () -> !raised = 3) in
  Lwt.async_exception_hook := hook;
  check_int "raised" 3 !raised;
  still_works ()

(* Each record leads to a new one, so some wait all the time. *)
let turns_do_not_grow () =
  let most = ref 0 and in_turn = ref 0 and goes_on = ref true in
  L.set_levels (Some Info);
  L.start (fun _ ->
      incr in_turn;
      most := max !most !in_turn;
      if !goes_on then R.log_many 1);
  let hook = Lwt_main.Enter_iter_hooks.add_first (fun () -> in_turn := 0) in
  R.log_many 1;
  let+ () = pauses 300 in
  goes_on := false;
  Lwt_main.Enter_iter_hooks.remove hook;
  check_bool "some" true (!most > 0);
  check_bool (Printf.sprintf "%d records in a turn" !most) true (!most <= 40)

let values_that_cannot_be_shown () =
  let+ records = records ~levels:([], Some L.Info) 2 (now R.log_failing) in
  let failed = "half<formatting failed>" in
  match records with
  | [ log; tracing ] ->
      check_string "log" ("log " ^ failed) log.message;
      check_string "tracing" ("tracing " ^ failed) tracing.message;
      check_bool "field" true (tracing.fields = [ ("error", failed) ]);
      check_bool "span" true
        (tracing.spans = [ ("span", [ ("field", failed) ]) ])
  | _ -> assert false

let the_layer_twice () =
  let+ records =
    records ~levels:([], Some L.Info) 2 (now R.trace_in_two_layers)
  in
  List.iter
    (fun (record : L.record) ->
      check_string "message" "twice" record.message;
      check_bool "span" true (record.spans = [ ("span", [ ("id", "1") ]) ]))
    records

let wrong_capacities () =
  List.iter
    (fun capacity ->
      match L.start ~capacity ignore with
      | () -> Alcotest.failf "%d is a capacity" capacity
      | exception Invalid_argument _ -> ())
    [ 0; -1; 1_000_001 ];
  Lwt.return_unit

(* {1 Lwt_rust_logs} *)

type logged = {
  src : string;
  level : Logs.level;
  text : string;
  tags : Logs.Tag.set;
}

let reported = ref []

let reporter =
  let report src level ~over k msgf =
    msgf (fun ?header:_ ?(tags = Logs.Tag.empty) format ->
        Format.kasprintf
          (fun text ->
            reported :=
              { src = Logs.Src.name src; level; text; tags } :: !reported;
            over ();
            k ())
          format)
  in
  { Logs.report }

(* What is reported of [body], [count] times. *)
let reports count body =
  reported := [];
  let* () = body () in
  let+ () = until (fun () -> List.length !reported >= count) in
  let all = List.rev !reported in
  check_int "reports" count (List.length all);
  all

let texts = List.map (fun { text; _ } -> text)

let begin_logs ?capacity ?fields ?trace level =
  Logs.set_reporter reporter;
  Logs.set_level level;
  Lwt_rust_logs.start ?capacity ?fields ?trace ()

let levels_of_logs () =
  begin_logs (Some Logs.Info);
  let* info = reports 3 (now R.log_all) in
  Alcotest.(check (list string))
    "info"
    [ "an error"; "a warning"; "an info of 5" ]
    (texts info);
  check_bool "levels" true
    (List.map (fun { level; _ } -> level) info
    = [ Logs.Error; Logs.Warning; Logs.Info ]);
  (* Rust learns of it after this turn. *)
  Logs.set_level (Some Logs.Error);
  let* () = Lwt.pause () in
  let* () = Lwt.pause () in
  check_int "not shown" 0 (R.log_counted ());
  Logs.set_level (Some Logs.Debug);
  Lwt_rust_logs.refresh ();
  let* debug = reports 4 (now R.trace_all_here) in
  check_string "debug" "a debug" (List.nth (texts debug) 3);
  Logs.set_level (Some Logs.App);
  Lwt_rust_logs.refresh ();
  let* _ = reports 0 (now R.log_all) in
  begin_logs ~trace:true (Some Logs.Debug);
  let+ trace = reports 5 (now R.trace_all_here) in
  let last = List.nth trace 4 in
  check_string "trace" "a trace" last.text;
  check_bool "is debug" true (last.level = Logs.Debug)

let sources () =
  begin_logs (Some Logs.Info);
  let* one = reports 1 (now (fun () -> R.log_to "tea::pot" "one")) in
  let* other = reports 1 (now (fun () -> R.log_to "tea::cup::handle" "two")) in
  let src_of = function [ { src; _ } ] -> src | _ -> assert false in
  check_string "crate" "tea" (src_of one);
  check_string "the same" "tea" (src_of other);
  let cup = Logs.Src.create "tea::cup" in
  let* own = reports 1 (now (fun () -> R.log_to "tea::cup::handle" "two")) in
  check_string "the longest" "tea::cup" (src_of own);
  Logs.Src.set_level cup (Some Logs.Error);
  Lwt_rust_logs.refresh ();
  let* _ = reports 0 (now (fun () -> R.log_to "tea::cup::handle" "three")) in
  let+ _ = reports 1 (now (fun () -> R.log_to "tea::pot" "four")) in
  ()

let targets_with_colons () =
  begin_logs (Some Logs.Info);
  let source target =
    let+ all = reports 1 (now (fun () -> R.log_to target "text")) in
    (List.hd all).src
  in
  let check_source target expected =
    let+ src = source target in
    check_string target expected src
  in
  let* () = check_source "a:b" "a:b" in
  let* () = check_source "a:c::d" "a:c" in
  let* () = check_source "a::" "a" in
  check_source "::a" ""

(* Each source lives as long as the program. *)
let targets_that_are_made_up () =
  begin_logs (Some Logs.Info);
  let count = 1_200 in
  let before = List.length (Logs.Src.list ()) in
  let rec go n =
    if n = count then Lwt.return_unit
    else
      let target = Printf.sprintf "made_up_%d" n in
      let* _ = reports 1 (now (fun () -> R.log_to target "text")) in
      go (n + 1)
  in
  let+ () = go 0 in
  check_bool "sources" true (List.length (Logs.Src.list ()) - before <= 1_001)

let text_and_tags () =
  begin_logs (Some Logs.Info);
  let* reports_ = reports 2 (now R.trace_fields) in
  Alcotest.(check (list string))
    "text"
    [
      "request{id=3 user=ann}: query: sent text=a b number=-2 \
       large=18446744073709551615 is_new=true float=0.5 list=[1, 2] type=raw \
       error=no number: invalid digit found in string";
      "request{id=3 user=ann}: query: only=1";
    ]
    (texts reports_);
  let { tags; _ } = List.nth reports_ 1 in
  let tag tag = Logs.Tag.find tag tags in
  check_bool "target" true (tag Lwt_rust_logs.target = Some "shop");
  check_bool "fields" true (tag Lwt_rust_logs.fields = Some [ ("only", "1") ]);
  check_bool "spans" true
    (tag Lwt_rust_logs.spans
    = Some [ ("request", [ ("id", "3"); ("user", "ann") ]); ("query", []) ]);
  check_bool "location" true (tag Lwt_rust_logs.location <> None);
  check_bool "time" true (tag Lwt_rust_logs.time <> None);
  begin_logs ~fields:false (Some Logs.Info);
  let+ plain = reports 2 (now R.trace_fields) in
  Alcotest.(check (list string)) "messages" [ "sent"; "" ] (texts plain)

let dropped_records_are_told () =
  begin_logs ~capacity:10 (Some Logs.Info);
  let+ all = reports 11 (now (fun () -> R.log_many 100)) in
  let told = List.filter (fun { src; _ } -> src = "lwt_rust") all in
  match told with
  | [ { text; level; _ } ] ->
      check_bool "warning" true (level = Logs.Warning);
      check_string "text"
        "90 records were dropped: too many waited for the Lwt loop" text
  | _ -> Alcotest.failf "%d warnings" (List.length told)

let () =
  Alcotest.run "logging"
    [
      ( "records",
        [
          Alcotest.test_case "before the first call" `Quick
            before_the_first_call;
          case "levels" levels;
          case "levels of targets" levels_of_targets;
          case "parts" parts;
          case "unwanted ones are not formatted"
            unwanted_records_are_not_formatted;
          case "too many" too_many;
          case "a turn takes some" a_turn_takes_some;
          case "from many threads" from_many_threads;
          case "a handler that raises" a_handler_that_raises;
          case "turns do not grow" turns_do_not_grow;
          case "values that cannot be shown" values_that_cannot_be_shown;
          case "the layer twice" the_layer_twice;
          case "wrong capacities" wrong_capacities;
        ] );
      ( "the library logs",
        [
          case "levels" levels_of_logs;
          case "sources" sources;
          case "targets with colons" targets_with_colons;
          case "targets that are made up" targets_that_are_made_up;
          case "text and tags" text_and_tags;
          case "dropped records are told" dropped_records_are_told;
        ] );
    ]
