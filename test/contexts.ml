(* A closure sees the values that [Lwt.with_value] has set for the call that it was
   given to, and never those of another. *)

open Lwt.Syntax
open Support
module Functions = Rust

let key = Lwt.new_key ()
let other_key = Lwt.new_key ()
let within n f = Lwt.with_value key (Some n) f

let sees expected place =
  Alcotest.(check (option int)) place expected (Lwt.get key)

(* The ways in which Rust can call a closure, by name. *)
let ways =
  [
    ("at once", fun f -> Rust.call f ());
    ("later", fun f -> Rust.call_later f ());
    ( "after a timer of tokio's",
      fun f ->
        Lwt.map ignore
          (Functions.call_from_a_task (fun n -> Lwt.map (fun () -> n) (f ())) 0)
    );
    ( "on a worker",
      fun f ->
        Lwt.map ignore
          (Rust.sum_on_tokio (fun n -> Lwt.map (fun () -> n) (f ())) 1) );
    ( "from many tasks",
      fun f ->
        Lwt.map ignore
          (Rust.sum_of_tasks (fun n -> Lwt.map (fun () -> n) (f ())) 5) );
    ( "in a loop",
      fun f ->
        Lwt.map ignore (Rust.sum (fun n -> Lwt.map (fun () -> n) (f ())) 5) );
    ( "two at a time",
      fun f ->
        let f n = Lwt.map (fun () -> n) (f ()) in
        Lwt.map ignore (Functions.call_both f f) );
    ( "in a record",
      fun f ->
        let on_number n = Lwt.map (fun () -> n) (f ()) in
        Lwt.map ignore (Rust.call_of_record { text = "x"; on_number }) );
  ]

(* A closure that a plain function has kept, and that another call calls. *)
let kept () =
  let seen = ref None in
  within 1 (fun () ->
      Rust.keep_lwt (fun n ->
          seen := Lwt.get key;
          Lwt.return n));
  let+ _ = within 2 (fun () -> Rust.call_kept 0) in
  check_bool "seen" true (!seen = Some 1)

(* Nothing knows yet which domain runs the loop. *)
let kept_before_all_calls () =
  within 1 (fun () ->
      Rust.keep_plain (fun n -> n + Option.value (Lwt.get key) ~default:0));
  within 2 (fun () ->
      let* seen = Rust.call_plain_kept 0 in
      check_int "seen" 1 seen;
      Lwt.return_unit)

let on_a_way call () =
  let closure () =
    sees (Some 1) "at once";
    let* () = Lwt.pause () in
    sees (Some 1) "after a pause";
    let* () = Rust.sleep 1 () in
    sees (Some 1) "after a call";
    Lwt.return_unit
  in
  let first = within 1 (fun () -> call closure) in
  let second =
    within 2 (fun () ->
        call (fun () ->
            sees (Some 2) "of the second";
            Lwt.pause ()))
  in
  let third =
    call (fun () ->
        sees None "of the third";
        Lwt.pause ())
  in
  sees None "outside";
  Lwt.join [ first; second; third ]

(* The ways in which Rust can call a closure that returns no promise. *)
let plain_ways =
  [
    ("at once", fun f -> Lwt.wrap (fun () -> Rust.apply f 0));
    ("in a call", fun f -> Rust.call_plain_later f 0);
    ("in a task", fun f -> Rust.call_in_a_task (fun () -> f 0));
    ( "in a later call",
      fun f ->
        Rust.keep_plain f;
        Rust.call_plain_kept 0 );
    ( "made by a closure",
      fun f ->
        Rust.keep_made (fun () -> f);
        Lwt.with_value key (Some 100) (fun () -> Rust.call_plain_kept 0) );
    ( "made by a closure with values of its own",
      fun f ->
        Rust.keep_made (fun () -> Lwt.with_value key (Some 100) (fun () -> f));
        Rust.call_plain_kept 0 );
    ( "in its own call",
      fun f ->
        let nested = ref (Lwt.return 0) in
        let is_first = ref true in
        let f n =
          if !is_first then (
            is_first := false;
            Lwt.with_value key (Some 100) (fun () ->
                nested := Rust.call_plain_kept 0));
          f n
        in
        let first = Lwt.wrap (fun () -> Rust.keep_and_apply f 0) in
        let* first = first in
        let+ nested = !nested in
        check_int "both" first nested;
        first );
    ( "kept by a call that is ready at once",
      fun f ->
        let* () = Rust.keep_plain_at_once f in
        Lwt.with_value key (Some 100) (fun () -> Rust.call_plain_kept 0) );
  ]

let on_a_plain_way call () =
  let closure n = n + Option.value (Lwt.get key) ~default:0 in
  let raises (_ : int) = raise Exit in
  let check_sum expected sum = check_int "value" expected sum in
  let* () =
    let sums = List.init 5 (fun n -> within n (fun () -> call closure)) in
    Lwt.map (List.iteri check_sum) (Lwt.all sums)
  in
  let* () = Lwt.map (check_sum 0) (call closure) in
  let* raised = result (within 1 (fun () -> call raises)) in
  check_bool "the exception" true (raised = Error Exit);
  within 6 (fun () -> Lwt.map (check_sum 6) (call closure))

let when_cancelled () =
  let seen = ref None in
  let call =
    within 1 (fun () ->
        Functions.call_when_dropped (fun () ->
            seen := Lwt.get key;
            Lwt.return_unit))
  in
  let* () = Lwt.pause () in
  within 2 (fun () -> Lwt.cancel call);
  check_bool "seen" true (!seen = Some 1);
  Lwt.return_unit

(* A closure sets a value. Only the code that the closure calls sees it. *)
let within_a_closure () =
  within 1 (fun () ->
      let closure () =
        let* () =
          within 2 (fun () ->
              Rust.call_later
                (fun () ->
                  sees (Some 2) "within";
                  Lwt.return_unit)
                ())
        in
        sees (Some 1) "afterwards";
        Lwt.with_value other_key (Some ()) (fun () ->
            Rust.call_later
              (fun () ->
                sees (Some 1) "beside another key";
                check_bool "the other key" true (Lwt.get other_key = Some ());
                Lwt.return_unit)
              ())
      in
      Rust.call_later closure ())

(* Random calls run at the same time, each with a value of its own. Each sees its own. *)
let random_calls () =
  let random = Random.State.make [| 42 |] in
  let seen = ref 0 in
  let wait () =
    match Random.State.int random 5 with
    | 0 -> Lwt.return_unit
    | 1 -> Lwt.pause ()
    | 2 -> Rust.sleep 0 ()
    | 3 -> Rust.yield 2 ()
    | _ -> Lwt.map ignore (Rust.spawn 1)
  in
  let rec closure depth n () =
    incr seen;
    if Lwt.get key <> n then sees n "at a random moment";
    let* () = wait () in
    if depth = 0 then wait ()
    else
      let n = if Random.State.bool random then n else Some (!seen * 2) in
      Lwt.with_value key n (fun () -> call (depth - 1) n)
  and call depth n =
    let _, way = List.nth ways (Random.State.int random (List.length ways)) in
    way (closure depth n)
  in
  let enough = if is_under Memcheck then 5_000 else 100_000 in
  let rec rounds n =
    if !seen >= enough || n = 0 then Lwt.return_unit
    else
      let one i = within i (fun () -> call 3 (Some i)) in
      let* () = Lwt.join (List.init 50 one) in
      rounds (n - 1)
  in
  let+ () = rounds 2_000 in
  check_bool "enough" true (!seen >= enough)

let () =
  Alcotest.run "contexts"
    [
      ("first", [ case "kept before all other calls" kept_before_all_calls ]);
      ( "on every way",
        List.map (fun (name, call) -> case name (on_a_way call)) ways );
      ( "without a promise",
        List.map
          (fun (name, call) -> case name (on_a_plain_way call))
          plain_ways );
      ( "contexts",
        [
          case "in a destructor after a cancel" when_cancelled;
          case "within a closure" within_a_closure;
          case "kept by a plain function" kept;
          case "random calls" random_calls;
        ] );
    ]
