(* Calls of asynchronous Rust functions, and promises both ways. *)

open Lwt.Syntax
open Support

let ready_function_is_resolved_at_once () =
  check_bool "resolved" true (Lwt.state (Rust.ready 5) = Lwt.Return 5);
  Lwt.return_unit

let waiting_function_is_pending () =
  let promise = Rust.yield 1 "x" in
  check_bool "pending" true (is_pending promise);
  let+ x = promise in
  check_string "value" "x" x

let waits_on_the_domain_are_done_in_the_same_turn () =
  (* The pauses of the first promise's continuation and ours alternate, so this
     counts turns. *)
  let turns = ref 0 in
  let counting =
    let rec count () =
      let* () = Lwt.pause () in
      incr turns;
      count ()
    in
    count ()
  in
  let* () = Lwt.pause () in
  turns := 0;
  let+ () = Rust.yield 50 () in
  Lwt.cancel counting;
  check_bool (Printf.sprintf "%d turns for 50 waits" !turns) true (!turns <= 2)

let value_is_physically_the_same () =
  let value = ref 1 in
  let* now = Rust.ready value in
  let+ later = Rust.yield 3 value in
  check_bool "at once" true (now == value);
  check_bool "later" true (later == value)

let many_calls_wait_together () =
  let n = 1000 in
  let+ values = Lwt.all (List.init n (fun i -> Rust.yield (i mod 7) i)) in
  check_bool "in order" true (values = List.init n Fun.id)

(* OCaml code makes the value of a call that has completed, and begins another call. Each has
   its own result. *)
let call_within_a_conversion () =
  let inner = ref (Lwt.return 0) in
  let convert n =
    inner := Rust.sleep_and_return 0.001 (n + 1);
    n
  in
  let* outer = Rust.converted convert in
  let+ inner = !inner in
  check_int "outer" 1 outer;
  check_int "inner" 2 inner

let tokio_timer () =
  let start = Unix.gettimeofday () in
  let+ x = Rust.sleep 20 'x' in
  check_bool "waited" true (Unix.gettimeofday () -. start >= 0.019);
  check_bool "value" true (x = 'x')

let tokio_task () =
  let+ n = Rust.spawn 42 in
  check_int "value" 42 n

let many_tokio_tasks_finish_together () =
  let+ sum = Rust.storm 10_000 in
  check_int "sum" (10_000 * 9_999 / 2) sum

(* A call need not wait for its caller: the loop runs the task before the caller takes the
   promise. Another thread of the domain may run the loop at that moment, too. *)
let taken_late () =
  let later call =
    let* () = pauses 5 in
    promise_of call
  in
  let value = Rust.Call.yield 1 7 in
  let error = Rust.Call.fail true in
  let never_taken = Rust.Call.yield 1 9 in
  let others = List.init 40 (fun n -> Rust.yield 1 n) in
  let* n = later value in
  check_int "value" 7 n;
  let* () =
    expect "error" (later error) (function
      | Lwt_rust.Error _ -> true
      | _ -> false)
  in
  let* numbers = Lwt.all others in
  check_bool "others" true (numbers = List.init 40 Fun.id);
  let cancelled = later (Rust.Call.for_ever ()) in
  let* () = pauses 7 in
  Lwt.cancel cancelled;
  let* () = expect "cancelled" cancelled (( = ) Lwt.Canceled) in
  ignore (never_taken : int Lwt_rust.Executor.call);
  let+ () = pauses 3 in
  check_int "tasks" 0 (Lwt_rust.Debug.live ()).tasks

let called_by_a_thread () =
  let calls = ref [] in
  let is_over = ref false in
  let call () =
    for _ = 1 to 60 do
      calls := Rust.spin_and_yield 0.01 :: !calls;
      Thread.delay 0.001
    done;
    is_over := true
  in
  let thread = Thread.create call () in
  let rec turns () =
    if !is_over then Lwt.return_unit
    else
      let* () = Lwt_unix.sleep 0.001 in
      turns ()
  in
  let* () = turns () in
  Thread.join thread;
  Lwt.join !calls

let resolver_on_another_thread () =
  let+ n = Rust.resolver 17 in
  check_int "value" 17 n

let rust_awaits_lwt () =
  let promise, resolver = Lwt.wait () in
  let awaiting = Rust.await promise in
  check_bool "pending" true (is_pending awaiting);
  Lwt.wakeup resolver 3;
  let* n = awaiting in
  check_int "value" 3 n;
  let* n = Rust.await (Lwt.return 4) in
  check_int "resolved before" 4 n;
  let* n = Rust.await_on_tokio (Lwt.return 5) in
  check_int "resolved before, on tokio" 5 n;
  let+ n = Rust.await_on_tokio (Lwt.map (fun () -> 6) (Lwt_unix.sleep 0.01)) in
  check_int "on tokio" 6 n

let rust_awaits_a_promise_of_ours () =
  let before = Lwt_rust.Promise.create () in
  Lwt_rust.Promise.resolve before "before";
  let* x = Rust.await_portable before in
  check_string "settled before" "before" x;
  let after = Lwt_rust.Promise.create () in
  let awaiting = Rust.await_portable after in
  check_bool "pending" true (is_pending awaiting);
  Lwt_rust.Promise.resolve after "after";
  let* x = awaiting in
  check_string "settled after" "after" x;
  let rejected = Lwt_rust.Promise.create () in
  let exn = Failure "mine" in
  Lwt_rust.Promise.reject rejected exn;
  let+ result = result (Rust.await_portable rejected) in
  match result with
  | Error e -> check_bool "the same exception" true (e == exn)
  | Ok () -> Alcotest.fail "expected a rejection"

let second_settlement_is_refused () =
  let promise = Lwt_rust.Promise.create () in
  Lwt_rust.Promise.resolve promise 1;
  Alcotest.check_raises "resolve"
    (Invalid_argument "Lwt_rust.Promise.resolve: the promise was settled before")
    (fun () -> Lwt_rust.Promise.resolve promise 2);
  Alcotest.check_raises "reject"
    (Invalid_argument "Lwt_rust.Promise.reject: the promise was settled before")
    (fun () -> Lwt_rust.Promise.reject promise Exit);
  let* first = Rust.await_portable promise in
  check_int "the first" 1 first;
  let+ again = result (Rust.await_portable promise) in
  match again with
  | Error (Lwt_rust.Error { message; _ }) ->
      check_bool message true
        (String.ends_with ~suffix:"only one future can await it" message)
  | Error e -> raise e
  | Ok _ -> Alcotest.fail "expected a rejection"

let collected_promise_is_abandoned () =
  let awaiting = Rust.await_portable (Lwt_rust.Promise.create ()) in
  let* () = Lwt.pause () in
  Gc.full_major ();
  let+ result = result awaiting in
  match result with
  | Error Lwt_rust.Abandoned -> ()
  | Error e -> raise e
  | Ok () -> Alcotest.fail "expected a rejection"

let conversions () =
  let check = Alcotest.(check bool) in
  let* a, b, c, d =
    Rust.convert (true, Some false) (-7, min_int, 9) 1.5
      ("h\xc3\xa9", "\x00\xff")
  in
  check "bools" true (a = (true, Some false));
  check "ints" true (b = (-7, min_int, 9));
  check "float" true (c = 1.5);
  check "strings" true (d = ("h\xc3\xa9", "\x00\xff"));
  let refused name argument =
    let+ result = result (argument ()) in
    match result with
    | Error (Lwt_rust.Error { message; _ }) ->
        check_string "message" name message
    | Error e -> raise e
    | Ok _ -> Alcotest.fail "expected a rejection"
  in
  let* () =
    refused "argument integers of convert: -1 does not fit in Rust's u32"
      (fun () -> Rust.convert (true, None) (0, 0, -1) 0. ("", ""))
  in
  let* () =
    refused
      "argument text of convert: a string is not UTF-8: the byte at position 1 \
       begins no character" (fun () ->
        Rust.convert (true, None) (0, 0, 0) 0. ("a\xff", ""))
  in
  refused "9223372036854775807 does not fit in OCaml's int" Rust.too_large

let taken_twice () =
  let call = Rust.Call.yield 2 'x' in
  let promise = promise_of call in
  (match promise_of call with
  | (_ : char Lwt.t) -> Alcotest.fail "expected an exception"
  | exception Invalid_argument _ -> ());
  let+ x = promise in
  check_bool "the first" true (x = 'x')

let () =
  Alcotest.run "calls"
    [
      ( "calls",
        [
          case "a function that is ready is resolved at once"
            ready_function_is_resolved_at_once;
          case "a function that waits is pending" waiting_function_is_pending;
          case "waits on the domain are done in the same turn"
            waits_on_the_domain_are_done_in_the_same_turn;
          case "a value is physically the same" value_is_physically_the_same;
          case "a promise is taken once" taken_twice;
          case "a promise is taken late" taken_late;
          case "a thread calls while another one runs the loop"
            called_by_a_thread;
          case "many calls wait together" many_calls_wait_together;
          case "a call while a result is converted" call_within_a_conversion;
          case "a timer of tokio's" tokio_timer;
          case "a task of tokio's" tokio_task;
          case "many tokio tasks finish together"
            many_tokio_tasks_finish_together;
          case "conversions" conversions;
        ] );
      ( "promises",
        [
          case "a resolver on another thread" resolver_on_another_thread;
          case "Rust awaits a Lwt promise" rust_awaits_lwt;
          case "Rust awaits a promise of ours" rust_awaits_a_promise_of_ours;
          case "a second settlement is refused" second_settlement_is_refused;
          case "a collected promise is abandoned" collected_promise_is_abandoned;
        ] );
    ]
