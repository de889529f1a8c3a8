(* Turns, calls and domains leave nothing behind. *)

open Lwt.Syntax
open Support

let live_words () =
  Gc.full_major ();
  (Gc.stat ()).live_words

let resident () =
  Rust.trim ();
  resident ()

(* [run n] does something [n] times. If it leaks memory, the memory grows in each quarter of
   the run. In one quarter OCaml or the C library may also have got a piece of memory for
   later use, above all after other cases. So the median of the last three counts. *)
let does_not_grow run ~times () =
  let quarter () = run (times / 4) in
  let measure () =
    let words = live_words () in
    (words, resident ())
  in
  let rec measured n =
    if n = 0 then Lwt.return []
    else
      let* () = quarter () in
      let now = measure () in
      let+ others = measured (n - 1) in
      now :: others
  in
  let+ measured = measured 4 in
  let small what number limit =
    let rec more = function
      | first :: (second :: _ as rest) -> (second - first) :: more rest
      | [ _ ] | [] -> []
    in
    let more = more (List.map number measured) in
    let text = String.concat ", " (List.map string_of_int more) in
    let median = List.nth (List.sort Int.compare more) 1 in
    check_bool (Printf.sprintf "%s more %s" text what) true (median < limit)
  in
  small "words" fst 3_000;
  small "kilobytes" snd 600

let turns n =
  let+ sum = Rust.sum (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) n in
  check_int "sum" (n * (n - 1) / 2) sum

let rec repeat f n =
  if n = 0 then Lwt.return_unit
  else
    let* () = f () in
    repeat f (n - 1)

let call () = Rust.yield 1 ()

let cancelled_call () =
  let call = Rust.for_ever () in
  Lwt.cancel call;
  Lwt.pause ()

let cancelled_await () =
  let await = Rust.await (fst (Lwt.task ())) in
  let* () = Lwt.pause () in
  Lwt.cancel await;
  Lwt.pause ()

(* The promise stays pending, like one that tells a server to stop. *)
let given_up ~detaches =
  let stop, _ = Lwt.wait () in
  fun n -> Rust.give_up (fun () -> stop) n detaches

let given_up_on_tokio ~detaches =
  let stop, _ = Lwt.wait () in
  fun n -> Rust.give_up_on_tokio (fun () -> stop) n detaches

let exception_ () =
  let+ result = result (Rust.await (Lwt.fail Exit)) in
  check_bool "Exit" true (result = Error Exit)

let promise () =
  let promise = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable promise in
  let* () = Lwt.pause () in
  Lwt_rust.Promise.resolve promise ();
  awaiting

(* Runs [n] domains, one after the other. *)
let rec domains use n =
  if n = 0 then Lwt.return_unit
  else (
    Domain.join (Domain.spawn use);
    domains use (n - 1))

let settle () =
  let promise = Lwt_rust.Promise.create () in
  Lwt_rust.Promise.resolve promise ()

let run () =
  Lwt_rust.Executor.run (fun () -> Rust.Call.yield 2 (ref ())) |> ignore

let drop_elsewhere () =
  for _ = 1 to 10 do
    Lwt_rust.Executor.run (fun () -> Rust.Call.drop_on_tokio (ref 0))
  done

let nothing () = ()

let await () =
  Lwt_rust.Executor.run (fun () -> Rust.Call.sum Lwt.return 10) |> ignore

(* The number of bytes that stay allocated for each domain that has ended. OCaml itself
   keeps 40 bytes for each (caml_alloc_stack_cache). *)
let kept_by_domains use times =
  let allocated () =
    Gc.full_major ();
    Rust.allocated ()
  in
  let* () = domains use (times / 10) in
  let before = allocated () in
  let+ () = domains use times in
  float_of_int (allocated () - before) /. float_of_int times

let domains_keep_no_more_than_empty_ones () =
  let times = 10_000 in
  let* empty = kept_by_domains nothing times in
  let* awaiting = kept_by_domains await times in
  let more = awaiting -. empty in
  check_bool (Printf.sprintf "%.0f more bytes a domain" more) true (more < 24.);
  Lwt.return_unit

let turns_send_no_notification () =
  let* () = call () in
  let before = (Lwt_rust.Runtime.metrics ()).notifications in
  let* () = turns 10_000 in
  let* () = repeat call 10_000 in
  check_int "notifications" before (Lwt_rust.Runtime.metrics ()).notifications;
  (* Checks that [notifications] counts at all. A timer wakes the loop from another thread,
     unless it fires while the executor is being polled. *)
  let rec until_more times =
    let* () = Rust.sleep 5 () in
    if (Lwt_rust.Runtime.metrics ()).notifications > before then Lwt.return_unit
    else if times = 0 then Alcotest.fail "no notification after 100 timers"
    else until_more (times - 1)
  in
  until_more 100

let () =
  let case_of name run times = case name (does_not_grow run ~times) in
  Support.run "growth"
    ~left_out:
      [
        (Bytecode, "a million turns take long");
        (Memcheck, "a million turns take long");
        (Thread_sanitizer, "a million turns take long");
      ]
    [
      ( "nothing grows",
        [
          case_of "turns" turns 1_000_000;
          case_of "calls" (repeat call) 200_000;
          case_of "cancelled calls" (repeat cancelled_call) 200_000;
          case_of "cancelled awaits" (repeat cancelled_await) 200_000;
          case_of "exceptions" (repeat exception_) 200_000;
          case_of "promises" (repeat promise) 200_000;
          case_of "domains that settle promises" (domains settle) 2_000;
          case_of "domains with executors" (domains run) 8_000;
          case_of "domains whose values others drop" (domains drop_elsewhere)
            1_500;
          case "domains that await keep no more than empty ones"
            domains_keep_no_more_than_empty_ones;
          case_of "promises that are given up" (given_up ~detaches:false)
            1_000_000;
          case_of "promises that are given up on tokio"
            (given_up_on_tokio ~detaches:false)
            50_000;
          case_of "promises that are detached on tokio"
            (given_up_on_tokio ~detaches:true)
            50_000;
          case_of "promises that are detached" (given_up ~detaches:true) 200_000;
        ] );
      ("notifications", [ case "turns send none" turns_send_no_notification ]);
    ]
