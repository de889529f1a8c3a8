(* Lwt closures that Rust calls. *)

open Lwt.Syntax
open Support

let sum n = n * (n - 1) / 2

let called_at_once () =
  let called = ref false in
  let promise =
    Rust.call
      (fun x ->
        called := true;
        Lwt.return x)
      7
  in
  check_bool "called" true !called;
  check_bool "resolved" true (Lwt.state promise = Lwt.Return 7);
  Lwt.return_unit

let in_a_loop f () =
  let* a = Rust.sum f 1000 in
  check_int "in the domain" (sum 1000) a;
  let* b = Rust.sum_on_tokio f 300 in
  check_int "on a worker" (sum 300) b;
  let+ c = Rust.sum_of_tasks f 300 in
  check_int "from many tasks" (sum 300) c

let within_closures () =
  let rec nest n =
    if n = 0 then Lwt.return 0 else Lwt.map succ (Rust.call_later nest (n - 1))
  in
  let+ depth = nest 200 in
  check_int "depth" 200 depth

(* Each closure calls Rust, which calls the next one, and none of them waits. *)
let nested_deeply () =
  let rec nest n =
    if n = 0 then Lwt.return 0 else Lwt.map succ (Rust.call nest (n - 1))
  in
  let depth = 100_000 in
  match nest depth with
  | promise -> Lwt.map (check_int "depth" depth) promise
  | exception Stack_overflow -> Lwt.return_unit

(* The same with closures that return no promise. Each call takes room on the stack. *)
let plain_nested_deeply () =
  let rec nest n = if n = 0 then 0 else Rust.apply nest (n - 1) + 1 in
  check_int "depth" 1_000 (nest 1_000);
  (match nest 1_000_000 with
  | (_ : int) -> Alcotest.fail "expected an exception"
  | exception Stack_overflow -> ()
  | exception Lwt_rust.Error { message; _ } ->
      let expected = "OCaml and Rust have called each other too many times" in
      check_bool message true (String.starts_with ~prefix:expected message));
  check_int "depth" 1_000 (nest 1_000);
  Lwt.return_unit

let one_step_at_a_time () =
  let running = ref 0 in
  let step n =
    incr running;
    check_int "running" 1 !running;
    let+ () = Lwt.pause () in
    decr running;
    n
  in
  let+ total = Rust.sum step 100 in
  check_int "sum" (sum 100) total

let loop_goes_on () =
  let ticks = ref 0 in
  let rec tick () =
    let* () = Lwt.pause () in
    incr ticks;
    tick ()
  in
  let ticker = tick () in
  let+ total = Rust.sum (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 1000 in
  Lwt.cancel ticker;
  check_int "sum" (sum 1000) total;
  check_bool "one turn a call" true (abs (!ticks - 1000) < 10)

let () =
  Alcotest.run "closures"
    [
      ( "closures",
        [
          case "called at once" called_at_once;
          case "that return" (in_a_loop Lwt.return);
          case "that pause"
            (in_a_loop (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())));
          case "that sleep now and then"
            (in_a_loop (fun n ->
                 let+ () =
                   if n mod 100 = 0 then Lwt_unix.sleep 0.001
                   else Lwt.return_unit
                 in
                 n));
          case "within closures" within_closures;
          case "nested deeply" nested_deeply;
          case "are awaited one at a time" one_step_at_a_time;
          case "let the loop go on" loop_goes_on;
        ]
        @ left_out
            [ (Thread_sanitizer, "it unwinds thousands of frames slowly") ]
            [ case "without promises, nested deeply" plain_nested_deeply ] );
    ]
