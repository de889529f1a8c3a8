(* A panic anywhere settles the promise of its call, and disturbs nothing else. *)

open Lwt.Syntax
open Support

let panics waits () =
  let* () =
    expect "panic" (Rust.panic waits) (function
      | Lwt_rust.Panic { message; location = Some location; backtrace = _ } ->
          message = "panic of the test"
          && String.starts_with ~prefix:"testing/src/errors.rs:" location
      | _ -> false)
  in
  still_works ()

let panics_with expected call waits () =
  let* () =
    expect expected (call waits) (function
      | Lwt_rust.Panic { message; _ } -> message = expected
      | _ -> false)
  in
  still_works ()

let panics_in_drop = panics_with "panic in a destructor" Rust.panic_in_drop
let panics_in_error = panics_with "panic while it is shown" Rust.panic_in_error

let panics_in_conversion =
  panics_with "panic of a conversion" Rust.panic_in_conversion

let panics_in_task place () =
  let* () =
    expect "panic of a task" (Rust.panic_in_task place) (function
      | Lwt_rust.Panic { message; location = Some location; _ } ->
          message = "panic of a task"
          && String.starts_with ~prefix:"testing/src/domains.rs:" location
      | _ -> false)
  in
  still_works ()

let panic_in_waker () =
  let* () = Rust.panic_in_waker () in
  still_works ()

let panics_are_reported () =
  let reported = ref [] in
  Lwt_rust.on_panic
    (Some (fun { message; _ } -> reported := message :: !reported));
  let* _ = result (Rust.panic true) in
  let* _ = result (Rust.panic_on_tokio ()) in
  let* () = pauses 3 in
  Lwt_rust.on_panic None;
  check_bool "both" true
    (List.sort compare !reported = [ "panic of a worker"; "panic of the test" ]);
  (* This panic is printed, since there is no handler any more. *)
  let* _ = result (Rust.panic true) in
  check_int "two" 2 (List.length !reported);
  still_works ()

let panic_when_cancelled () =
  let promise = Rust.panic_when_cancelled () in
  let* () = Lwt.pause () in
  Lwt.cancel promise;
  let* () = expect "cancelled" promise (fun exn -> exn = Lwt.Canceled) in
  let* () = pauses 3 in
  still_works ()

let panic_on_a_worker () =
  let* () =
    expect "panic of a worker" (Rust.panic_on_tokio ()) (function
      | Lwt_rust.Error { message; _ } ->
          String.ends_with ~suffix:"panicked with message \"panic of a worker\""
            message
      | _ -> false)
  in
  still_works ()

let panic_in_a_stub () =
  (match Rust.panic_directly () with
  | () -> Alcotest.fail "no panic"
  | exception Lwt_rust.Panic { message; _ } ->
      check_string "message" "directly" message);
  still_works ()

(* A closure that OCaml has given to Rust makes a call that panics. *)
let panic_in_a_call_from_a_closure () =
  let inner () = Rust.panic true in
  let* () =
    expect "panic" (Rust.call inner ()) (function
      | Lwt_rust.Panic { message; _ } -> message = "panic of the test"
      | _ -> false)
  in
  let inner () = Lwt.return (Rust.panic_directly ()) in
  let* () =
    expect "panic" (Rust.call inner ()) (function
      | Lwt_rust.Panic { message; _ } -> message = "directly"
      | _ -> false)
  in
  still_works ()

(* Calls that wait meanwhile get their results. *)
let others_are_not_disturbed () =
  let others = List.init 20 (fun n -> Rust.yield (1 + (n mod 5)) n) in
  let panics = List.init 20 (fun n -> result (Rust.panic (n mod 2 = 0))) in
  let* numbers = Lwt.all others in
  check_bool "numbers" true (numbers = List.init 20 Fun.id);
  let+ panics = Lwt.all panics in
  check_bool "panics" true
    (List.for_all
       (function Error (Lwt_rust.Panic _) -> true | Ok () | Error _ -> false)
       panics)

(* A panic that is resumed does not go through the hook, as when tokio passes on the panic
   of a task. Meanwhile threads of the pool panic, and each panic has its location. *)
let beside_others_that_are_resumed () =
  Lwt_rust.on_panic (Some ignore);
  let rec resume n =
    if n = 0 then Lwt.return_unit
    else
      let* _ = result (Rust.unwind true) in
      resume (n - 1)
  in
  let rec panic n =
    if n = 0 then Lwt.return_unit
    else
      let* panicked = result (Rust.panic_blocking ()) in
      match panicked with
      | Error (Lwt_rust.Panic { location = Some _; _ }) -> panic (n - 1)
      | Ok () | Error _ -> Alcotest.fail "a panic without a location"
  in
  let resumed = Lwt.join (List.init 4 (fun _ -> resume 20_000)) in
  let+ () = Lwt.join (resumed :: List.init 4 (fun _ -> panic 1_000)) in
  Lwt_rust.on_panic None

let after_another_that_was_caught () =
  let+ panicked = result (Rust.catch_and_unwind ()) in
  match panicked with
  | Error (Lwt_rust.Panic { message; location; backtrace }) ->
      check_string "message" "panic of the test" message;
      check_bool "location" true (location = None);
      check_bool "backtrace" true (backtrace = None)
  | Ok () | Error _ -> Alcotest.fail "no panic"

let around_another_that_was_caught () =
  let+ panicked = result (Rust.panic_around_another ()) in
  match panicked with
  | Error (Lwt_rust.Panic { message; location; backtrace = _ }) ->
      check_string "message" "panic of the test" message;
      check_bool "location" true (location <> None)
  | Ok () | Error _ -> Alcotest.fail "no panic"

let () =
  Alcotest.run "panics"
    [
      ( "panics",
        [
          case "at once" (panics false);
          case "after a wait" (panics true);
          case "in a destructor at once" (panics_in_drop false);
          case "in a destructor after a wait" (panics_in_drop true);
          case "in a destructor when cancelled" panic_when_cancelled;
          case "on a worker" panic_on_a_worker;
          case "while an error is shown" (panics_in_error false);
          case "while an error is shown after a wait" (panics_in_error true);
          case "while an error is converted" (panics_in_conversion false);
          case "while an error is converted after a wait"
            (panics_in_conversion true);
          case "in a local task" (panics_in_task 0);
          case "in a scoped task" (panics_in_task 1);
          case "in a task spawned with a handle" (panics_in_task 2);
          case "in a waker" panic_in_waker;
          case "are reported" panics_are_reported;
          case "in a stub" panic_in_a_stub;
          case "in a closure that Rust calls" panic_in_a_call_from_a_closure;
          case "disturb no others" others_are_not_disturbed;
          case "after another that was caught" after_another_that_was_caught;
          case "around another that was caught" around_another_that_was_caught;
          case "beside others that are resumed" beside_others_that_are_resumed;
        ] );
    ]
