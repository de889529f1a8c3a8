(* Handlers of signals that raise, as [Sys.catch_break] makes one. OCaml may call a handler
   wherever it allocates, calls a function or repeats a loop. Nothing is lost then, and
   nothing waits for ever, if the handler has interrupted code of ours. In the code of Lwt
   itself, callbacks may be lost; that is not our matter. *)

open Support

exception Handler

(* The place of the innermost frame, if it is code of lwt_rust's. *)
let our_place callstack =
  let slots = Printexc.backtrace_slots callstack in
  let places = Array.find_map Printexc.Slot.location in
  match Option.bind slots places with
  | Some { filename; line_number; _ }
    when String.starts_with ~prefix:"lib/" filename ->
      Some (Printf.sprintf "%s, line %d" filename line_number)
  | Some _ | None -> None

(* [interrupted n body] runs [body], and raises at the [n]th allocation of our code.
   Returns the place, if it has raised. *)
let interrupted n body =
  let left = ref n and place = ref None in
  let alloc (allocation : Gc.Memprof.allocation) =
    match our_place allocation.callstack with
    | None -> None
    | Some _ as here ->
        decr left;
        if !left = -1 then (
          place := here;
          raise Handler);
        None
  in
  let tracker =
    { Gc.Memprof.null_tracker with alloc_minor = alloc; alloc_major = alloc }
  in
  ignore (Gc.Memprof.start ~sampling_rate:1. tracker : Gc.Memprof.t);
  (try body () with Handler -> ());
  Gc.Memprof.stop ();
  !place

exception Still_waiting

let within seconds promise =
  Lwt.pick
    [
      promise;
      Lwt.bind (Lwt_unix.sleep seconds) (fun () -> Lwt.fail Still_waiting);
    ]

let with_hook hook f =
  let before = !Lwt.async_exception_hook in
  Lwt.async_exception_hook := hook;
  Fun.protect ~finally:(fun () -> Lwt.async_exception_hook := before) f

(* Runs [start] and then the loop, with an interruption at each place in turn. [start]
   adds its promises to a list. *)
let at_each_place hook start () =
  with_hook hook @@ fun () ->
  Lwt_main.run (Rust.yield 1 ());
  let once n =
    let before = (Lwt_rust.Debug.live ()).tasks in
    let calls = ref [] in
    let place =
      interrupted n (fun () ->
          start (fun call -> calls := call :: !calls);
          Lwt_main.run (pauses 10))
    in
    let at what =
      Printf.sprintf "%s, interrupted at %s" what
        (Option.value place ~default:"no place")
    in
    List.iter
      (fun call ->
        match Lwt_main.run (within 10. (result call)) with
        | Ok sum -> check_int (at "sum") 3 sum
        | Error Handler -> ()
        | Error exn -> Alcotest.fail (at (Printexc.to_string exn)))
      !calls;
    Lwt_main.run (pauses 3);
    check_int (at "tasks") before (Lwt_rust.Debug.live ()).tasks;
    place
  in
  let rec go n = if Option.is_some (once n) then go (n + 1) else n in
  check_bool "enough places" true (go 0 > 4)

let pausing n = Lwt.map (fun () -> n) (Lwt.pause ())
let a_call f add = add (Rust.sum f 3)

let calls add =
  List.iter (fun f -> add (Rust.sum f 3)) [ pausing; Lwt.return; pausing ]

let calls_with_values add =
  let key = Lwt.new_key () in
  Lwt.with_value key (Some 1) (fun () -> calls add)

let rejected add =
  let fails n = if n = 2 then raise Handler else Lwt.return n in
  add (Rust.sum fails 3);
  add (Rust.sum Lwt.return 3)

let after_a_turn f add = add (Rust.call_later f 3)
let raises (_ : int) : int Lwt.t = raise Handler

(* The run is longer than the rest of the program waits for. Each closure is called once. *)
let many add =
  let calls = Array.make 300 0 in
  let count n =
    calls.(n) <- calls.(n) + 1;
    if calls.(n) > 1 then failwith "called twice";
    Lwt.return 0
  in
  add (Lwt.map (fun sum -> sum + 3) (Rust.sum count 300))

let sum () = Lwt_rust.Executor.run (fun () -> Rust.Call.sum Lwt.return 3)

let run_interrupted n =
  let place = interrupted n (fun () -> check_int "sum" 3 (sum ())) in
  check_int "later" 3 (sum ());
  Option.is_some place

let rec each_place run n = if run n then each_place run (n + 1) else n

let in_a_domain () =
  let run () = each_place run_interrupted 0 in
  check_bool "enough places" true (Domain.join (Domain.spawn run) > 10)

(* The executor of each domain is made while it is interrupted. *)
let in_new_domains () =
  let in_a_new_one n =
    Domain.join (Domain.spawn (fun () -> run_interrupted n))
  in
  let descriptors () =
    Gc.full_major ();
    Gc.full_major ();
    (Lwt_rust.Debug.live ()).descriptors
  in
  ignore (in_a_new_one 1_000 : bool);
  let before = descriptors () in
  check_bool "enough places" true (each_place in_a_new_one 0 > 15);
  check_int "descriptors" before (descriptors ())

(* The handler runs between the poll and the action that cancels the promise. *)
let while_a_promise_is_given_up () =
  let handler (_ : int) = raise Handler in
  let before = Sys.signal Sys.sigusr1 (Signal_handle handler) in
  let (promise : int Lwt.t), _ = Lwt.task () in
  let usr1 = 10 in
  ( with_hook ignore @@ fun () ->
    try
      ignore (Rust.drop_after_signal (fun () -> promise) usr1 : unit Lwt.t);
      Lwt_main.run (pauses 10)
    with Handler -> () );
  Sys.set_signal Sys.sigusr1 before;
  Lwt_main.run (pauses 10);
  check_bool "cancelled" true (Lwt.state promise = Fail Lwt.Canceled)

(* [interrupted_anywhere n f] is [f ()], with an exception at its [n]th allocation, also if
   that is in a function of Lwt's. *)
let interrupted_anywhere n f =
  let left = ref n in
  let alloc (_ : Gc.Memprof.allocation) =
    decr left;
    if !left = 0 then raise Handler;
    None
  in
  let tracker =
    { Gc.Memprof.null_tracker with alloc_minor = alloc; alloc_major = alloc }
  in
  ignore (Gc.Memprof.start ~sampling_rate:1. tracker : Gc.Memprof.t);
  let result = try Ok (f ()) with Handler -> Error Handler in
  Gc.Memprof.stop ();
  result

(* The result of a call has come, and the caller makes the promise. The next calls get the same
   slot. *)
let while_a_result_is_taken () =
  let call n = Rust.call Lwt.return n in
  let check name n call =
    check_bool
      (Printf.sprintf "%s is there" name)
      true
      (Lwt.state call = Return n)
  in
  Lwt_main.run (Rust.yield 1 ());
  let interruptions = ref 0 in
  for place = 60 downto 1 do
    (match interrupted_anywhere place (fun () -> call 0) with
    | Error _ -> incr interruptions
    | Ok call -> ignore (Lwt_main.run (within 10. (result call))));
    for n = 1 to 3 do
      check (Printf.sprintf "call %d after allocation %d" n place) n (call n)
    done
  done;
  check_bool "enough places" true (!interruptions > 5)

(* A real signal. Most of the time is Rust's, so OCaml calls most handlers when a stub has
   returned. *)
let by_a_timer () =
  with_hook raise @@ fun () ->
  let raised = ref 0 in
  let handler (_ : int) =
    incr raised;
    raise Handler
  in
  let before = Sys.signal Sys.sigalrm (Signal_handle handler) in
  let timer value =
    let status = { Unix.it_interval = 0.; it_value = value } in
    ignore (Unix.setitimer ITIMER_REAL status : Unix.interval_timer_status)
  in
  let calls = ref [] in
  let without_promise = ref 0 in
  for n = 1 to 100 do
    let has_promise = ref false in
    try
      timer (0.000_3 +. (0.000_01 *. float n));
      let call = Rust.sum Lwt.return 20_000 in
      has_promise := true;
      calls := call :: !calls;
      Lwt_main.run (pauses 3)
    with Handler -> if not !has_promise then incr without_promise
  done;
  timer 0.;
  Sys.set_signal Sys.sigalrm before;
  check_bool "enough signals" true (!raised > 20);
  let settled = Lwt_main.run (within 30. (Lwt.all (List.map result !calls))) in
  List.iter
    (function
      | Ok sum -> check_int "sum" 199_990_000 sum
      | Error Handler -> ()
      | Error exn -> raise exn)
    settled;
  Lwt_main.run (pauses 3);
  (* Bytecode calls handlers at each call of a function. So it may do so when the stub has
     returned, and [Lwt_rust.Call.promise] has not begun. Then the task goes on. *)
  let most = if is_under Bytecode then !without_promise else 0 in
  check_bool "tasks" true ((Lwt_rust.Debug.live ()).tasks <= most)

let quick name body = Alcotest.test_case name `Quick body

(* If an exception goes on through Lwt's own loop, Lwt drops the other pauses. *)
let kinds_without_pauses =
  [
    ("closures that are ready", a_call Lwt.return);
    ("closures that raise", rejected);
    ("closures after a turn", after_a_turn Lwt.return);
    ("closures that raise after a turn", after_a_turn raises);
    ("many closures", many);
  ]

let kinds =
  kinds_without_pauses
  @ [
      ("closures that wait", a_call pausing);
      ("several calls", calls);
      ("calls with values", calls_with_values);
    ]

let knows_no_places = [ (Bytecode, "the program has no places") ]

let at_each_allocation hook kinds =
  if has_memprof () then
    left_out knows_no_places
      (List.map
         (fun (name, start) -> quick name (at_each_place hook start))
         kinds)
  else []

let () =
  Alcotest.run "interruptions"
    [
      ("the exception is ignored", at_each_allocation ignore kinds);
      ("the exception goes on", at_each_allocation raise kinds_without_pauses);
      ( "in a domain",
        if has_memprof () then
          left_out
            (knows_no_places @ starts_a_domain)
            [
              quick "Executor.run" in_a_domain;
              quick "the first Executor.run" in_new_domains;
            ]
        else [] );
      ( "signals",
        [
          quick "by a timer" by_a_timer;
          quick "while a promise is given up" while_a_promise_is_given_up;
        ] );
      (* In bytecode it leaves tasks, as the timer does. *)
      ( "a result that has come",
        if has_memprof () then
          [ quick "while it is taken" while_a_result_is_taken ]
        else [] );
    ]
