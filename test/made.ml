(* Rust functions that are values in OCaml, and functions of several arguments. *)

open Lwt.Syntax
open Support
open Rust.Made

(* How many functions there are, without those that OCaml has lost. *)
let captured () =
  collect ();
  captured ()

(* {1 Rust's functions} *)

let called () =
  let add = adder 5 in
  collect ();
  check_int "once" 7 (add 2);
  check_int "twice" 17 (add 10);
  fails_with "argument" (fun () -> add (-1));
  check_int "as before" 17 (add 0)

let of_eight () =
  let f = of_eight () in
  let some = f 1.5 "x" 1 2 in
  collect ();
  check_string "eight" "1.5 x 12345 [0.5]" (some 3 4 5 [ 0.5 ]);
  check_string "again" "1.5 x 12367 []" (some 3 6 7 [])

let in_a_record () =
  let* { unsubscribe; wait; fail } = subscribe 0.001 in
  collect ();
  check_int "first" 0 (unsubscribe ());
  check_int "second" 1 (unsubscribe ());
  check_int "third" 2 (unsubscribe ());
  fails_with "three times" unsubscribe;
  fails_with "four times" unsubscribe;
  check_int "another" 5 (unsubscribe ());
  let waits = List.init 20 (fun i -> wait 0.001 (string_of_int i)) in
  collect ();
  let* texts = Lwt.all waits in
  check_bool "texts" true (texts = List.init 20 string_of_int);
  let* () = rejects_with "later" (fail false) in
  let* () = rejects_with "later" (fail true) in
  let* () = rejects_with "argument" (wait (-1.) "x") in
  Lwt.return_unit

let calls_back () =
  let f, g = compose (fun n -> n * 2) (fun n -> Lwt.return (n + 1)) in
  collect ();
  check_int "f" 42 (f 21);
  let* n = g 41 in
  check_int "g" 42 n;
  let f, g = compose (fun _ -> raise Exit) (fun _ -> raise Not_found) in
  (match f 1 with _ -> Alcotest.fail "no exception" | exception Exit -> ());
  let* result = result (g 1) in
  check_bool "Not_found" true (result = Error Not_found);
  let deferred = maker () 20 (fun n -> n * 2) in
  check_int "a function of a function" 40 (deferred ());
  Lwt.return_unit

(* Rust's function is OCaml's, which is Rust's. *)
let there_and_back () =
  let add = adder 0 in
  let f, g = compose (fun n -> add n) (fun n -> Lwt.return (add n)) in
  check_int "f" 1 (f 1);
  let* n = g 2 in
  check_int "g" 3 n;
  Lwt.return_unit

let cancelled () =
  let* { wait; unsubscribe = _; fail = _ } = subscribe 0. in
  let waiting = wait 60. "x" in
  Lwt.cancel waiting;
  let* cancelled = result waiting in
  check_bool "cancelled" true (cancelled = Error Lwt.Canceled);
  let* text = wait 0. "y" in
  check_string "the next" "y" text;
  Lwt.return_unit

let dropped () =
  let before = captured () in
  let* () =
    let adders = List.init 100 adder in
    let* subscriptions = Lwt_list.map_p (fun _ -> subscribe 0.) adders in
    check_int "alive" (before + 200) (captured ());
    (* A call keeps what its function has captured. *)
    let waiting = List.map (fun { wait; _ } -> wait 0.01 "x") subscriptions in
    let* texts = Lwt.all waiting in
    check_int "texts" 100 (List.length (Sys.opaque_identity texts));
    check_int "sum" 4950
      (List.fold_left
         (fun sum add -> sum + add 0)
         0
         (Sys.opaque_identity adders));
    Lwt.return_unit
  in
  let rec wait n =
    if captured () > before && n > 0 then
      let* () = Lwt.pause () in
      wait (n - 1)
    else Lwt.return (check_int "dropped" before (captured ()))
  in
  wait 100

(* The collector runs earlier if functions keep much. *)
let sized () =
  let before = captured () in
  for _ = 1 to 1000 do
    sized 100_000_000 ()
  done;
  check_bool "collected" true (Rust.Made.captured () < before + 500)

let in_domains () =
  let add = adder 0 in
  let work () =
    for _ = 1 to 1000 do
      ignore (add 1)
    done
  in
  let { wait; _ } = Lwt_main.run (subscribe 0.) in
  let without_lwt () =
    match wait 0. "x" with _ -> false | exception Invalid_argument _ -> true
  in
  check_bool "a promise" true (Domain.join (Domain.spawn without_lwt));
  let others = List.init 3 (fun _ -> Domain.spawn work) in
  work ();
  List.iter Domain.join others;
  check_int "sum" 4000 (add 0)

(* {1 Promises in results} *)

let promised () =
  let check { finished; others } text =
    collect ();
    check_bool "pending" true (is_pending finished);
    let* result = result finished in
    check_bool "text" true (result = Ok text);
    let* results = Lwt_list.map_s Support.result others in
    let last = List.length results - 1 in
    List.iteri
      (fun i result ->
        match result with
        | Ok n -> check_int "number" i n
        | Error (Lwt_rust.Panic { message; _ }) ->
            check_string "panic" "the last" message;
            check_int "last" last i
        | Error exn -> raise exn)
      results;
    Lwt.return_unit
  in
  let* () = check (start_job 0.001 (Some "x") 10) "x" in
  let* job = start_job_later 0.001 (Some "y") in
  check job "y"

let rejected () =
  let { finished; others = _ } = start_job 0.001 None 0 in
  let* () = rejects_with "no text" finished in
  rejects_with "does not fit" (too_large ())

let promise_cancelled () =
  let before = captured () in
  let { finished; others = _ } = start_job 60. None 0 in
  check_int "alive" (before + 1) (captured ());
  Lwt.cancel finished;
  let* cancelled = result finished in
  check_bool "cancelled" true (cancelled = Error Lwt.Canceled);
  let* () = pauses 3 in
  check_int "dropped" before (captured ());
  Lwt.return_unit

let forgotten () =
  let before = captured () in
  ignore (Sys.opaque_identity (start_job 0.001 None 1));
  collect ();
  let rec wait n =
    if captured () > before && n > 0 then
      let* () = Lwt_unix.sleep 0.001 in
      wait (n - 1)
    else Lwt.return (check_int "gone on to its end" before (captured ()))
  in
  wait 1000

(* {1 A trait that OCaml implements} *)

let storage texts =
  {
    get =
      (fun key ->
        let+ () = Lwt.pause () in
        Hashtbl.find_opt texts key);
    set =
      (fun key text times ->
        collect ();
        for i = 1 to times do
          Hashtbl.add texts (key ^ string_of_int i) text
        done;
        Lwt_unix.sleep 0.001);
    sum = (fun list (a, b) () -> Lwt.return (List.fold_left ( + ) (a + b) list));
    clear_all = (fun () -> Lwt.return (Hashtbl.remove texts "a"));
  }

let implemented copy () =
  let texts = Hashtbl.create 1 in
  Hashtbl.add texts "a" "x";
  let storage = storage texts in
  let* sum = copy storage "a" in
  check_int "sum" 25 sum;
  check_bool "texts" true
    (List.sort compare (List.of_seq (Hashtbl.to_seq texts))
    = [ ("a'1", "x"); ("a'2", "x") ]);
  let* () = rejects_with "no text" (copy storage "a") in
  let* missing =
    result (copy { storage with get = (fun _ -> raise Not_found) } "a")
  in
  check_bool "Not_found" true (missing = Error Not_found);
  let* failed =
    result
      (copy
         {
           storage with
           get = (fun _ -> Lwt.return_some "x");
           set = (fun _ _ _ -> Lwt.fail Exit);
         }
         "a")
  in
  check_bool "Exit" true (failed = Error Exit);
  Lwt.return_unit

(* {1 Functions of several arguments} *)

let of_three () =
  let* text, number =
    call_three (fun text number list ->
        collect ();
        let+ () = Lwt.pause () in
        (text ^ String.concat "" (List.map string_of_int list), number *. 2.))
  in
  check_string "text" "text12" text;
  check_bool "number" true (number = 3.);
  (* A function of less arguments that returns one. *)
  let* text, _ =
    call_three (fun text ->
        let text = text ^ "!" in
        fun _ _ -> Lwt.return (text, 0.))
  in
  check_string "text" "text!" text;
  let* result = result (call_three (fun _ -> raise Exit)) in
  check_bool "Exit" true (result = Error Exit);
  Lwt.return_unit

let of_a_pair () =
  let { apply } = of_a_pair () in
  check_int "applied" 34 (apply (3, 4));
  let flat, others = echo_flat { first = 1.; second = 2. } [| 3.; 4. |] in
  check_bool "flat" true
    (flat = { first = 1.; second = 2. } && others = [| 3.; 4. |]);
  let* sum = call_pair (fun (a, b) -> Lwt.return (a + b)) in
  check_int "sum" 3 sum;
  let* sum = call_two_on_tokio (fun a b -> Lwt.return ((10 * a) + b)) in
  check_int "on tokio" 12 sum;
  Lwt.return_unit

let of_eight_plain () =
  let list = call_eight (fun a b c d e f g h -> [ h; g; f; e; d; c; b; a ]) in
  check_bool "eight" true (list = [ 8; 7; 6; 5; 4; 3; 2; 1 ]);
  match call_eight (fun _ _ _ _ _ -> raise Exit) with
  | _ -> Alcotest.fail "no exception"
  | exception Exit -> ()

(* They see the values of the call that they were given to. *)
let context () =
  let key = Lwt.new_key () in
  let* value =
    Lwt.with_value key (Some 5) (fun () ->
        call_two_on_tokio (fun _ _ -> Lwt.return (Option.get (Lwt.get key))))
  in
  check_int "value" 5 value;
  Lwt.return_unit

let labels () =
  let* text = describe "x" ~times:2 ~large:(-1L) in
  check_string "without" "-xxNone18446744073709551615" text;
  let* text = describe ~behind:[ "y" ] "x" ~large:1L ~prefix:"+" ~times:1 in
  check_string "with" "+xSome([\"y\"])1" text;
  check_int "none" 1 (optional ());
  check_int "first" 2 (optional ~first:2 ());
  check_int "both" 6 (optional ~second:(fun n -> n * 3) ~first:2 ());
  Lwt.return_unit

let plain name body = Alcotest.test_case name `Quick body

let () =
  Alcotest.run "made"
    [
      ( "functions of Rust's",
        [
          plain "called" called;
          plain "of eight arguments" of_eight;
          case "in a record" in_a_record;
          case "that call OCaml" calls_back;
          case "there and back" there_and_back;
          case "cancelled" cancelled;
          case "dropped" dropped;
          plain "of a known size" sized;
        ]
        @ left_out starts_a_domain [ plain "in domains" in_domains ] );
      ( "promises in results",
        [
          case "settled" promised;
          case "rejected" rejected;
          case "cancelled" promise_cancelled;
          case "forgotten" forgotten;
        ] );
      ( "a trait that OCaml implements",
        [
          case "in a task" (implemented copy_text);
          case "on a thread of tokio's" (implemented copy_text_on_tokio);
        ] );
      ( "functions of several arguments",
        [
          case "of three" of_three;
          case "of a pair" of_a_pair;
          plain "of eight" of_eight_plain;
          case "context" context;
          case "with labels" labels;
        ] );
    ]
