(* A forked child may use Rust in a few ways, and the parent does not notice. *)

open Support

(* Runs [body] in a child, which succeeds if it returns [true]. *)
let in_child ?(fork = Unix.fork) body =
  match fork () with
  | 0 ->
      let code =
        match body () with
        | true -> 0
        | false -> 1
        | exception exn ->
            prerr_endline (Printexc.to_string exn);
            2
      in
      Unix._exit code
  | child -> child

let check_child name child =
  match Unix.waitpid [] child with
  | _, WEXITED code -> check_int name 0 code
  | _, WSIGNALED signal -> Alcotest.failf "%s: killed by signal %d" name signal
  | _, WSTOPPED _ -> Alcotest.failf "%s: stopped" name

(* The test fails if the child hangs. *)
let run promise =
  Lwt_main.run
    (Lwt.pick
       [
         Lwt.bind (Lwt_unix.sleep 30.) (fun () -> Lwt.fail_with "still waiting");
         promise;
       ])

let before_the_first_use () =
  check_child "child"
    (in_child ~fork:Lwt_unix.fork (fun () ->
         run (Rust.yield 3 5) = 5 && run (Rust.sleep 5 'x') = 'x'));
  check_int "parent" 6 (run (Rust.yield 3 6))

let is_refused f =
  match f () with
  | () -> false
  | exception Lwt_rust.Error { message; _ } ->
      String.starts_with ~prefix:"this process was forked" message

let raise_failure promise =
  match Lwt.state promise with
  | Lwt.Fail exn -> raise exn
  | Return _ | Sleep -> ()

let calls_are_refused fork () =
  let promise = Lwt_rust.Promise.create () in
  check_int "before" 1 (run (Rust.yield 1 1));
  check_child "child"
    (in_child ~fork (fun () ->
         is_refused (fun () -> raise_failure (Rust.ready ()))
         && is_refused (fun () -> raise_failure (Rust.sleep 1 ()))
         && is_refused (fun () ->
                let (_ : int Lwt_rust.Promise.t) = Lwt_rust.Promise.create () in
                ())
         && is_refused (fun () -> Lwt_rust.Promise.resolve promise 1)));
  check_int "after" 2 (run (Rust.sleep 1 2))

(* The closure forks while its task awaits the closure's promise. *)
let by_a_closure () =
  let child = ref (-1) in
  let step n =
    if n = 0 then child := Lwt_unix.fork ();
    Lwt.map (fun () -> 1) (Lwt.pause ())
  in
  let summing = Rust.sum step 3 in
  if !child = 0 then
    Unix._exit
      (match run (result summing) with
      | Error Lwt_rust.Abandoned -> 0
      | Ok _ | Error _ | (exception _) -> 1);
  check_child "child" !child;
  check_int "parent" 3 (run summing)

(* The closure forks in the middle of a poll, while workers wake other tasks. *)
let by_a_closure_of_a_task () =
  let others () =
    List.init 20 (fun n -> Rust.sleep_in_a_task 0.001 (fun () -> Lwt.return n))
  in
  for _ = 1 to 10 do
    let others = others () in
    let child = ref (-1) in
    let closure () =
      child := Lwt_unix.fork ();
      5
    in
    let calling = Rust.call_in_a_task closure in
    (match run (result calling) with
    | Error Lwt_rust.Abandoned when !child = 0 -> Unix._exit 0
    | _ when !child = 0 -> Unix._exit 1
    | Ok 5 -> ()
    | Ok _ | Error _ -> Alcotest.fail "the call"
    | exception _ when !child = 0 -> Unix._exit 2);
    check_child "child" !child;
    check_int "others" 190 (List.fold_left ( + ) 0 (run (Lwt.all others)))
  done

let tasks_of_each_kind () =
  Rust.keep_tasks ();
  check_child "child" (in_child (fun () -> Rust.tasks_without_an_error () = 0))

(* The child of [Unix.fork] would read the parent's notifications. *)
let what_waits_is_rejected () =
  let sleeping = Rust.sleep 200 'x' and yielding = Rust.yield 3 'y' in
  let calls = ref 0 in
  let calling =
    Rust.sum
      (fun n ->
        incr calls;
        Lwt.map (fun () -> n) (Lwt.pause ()))
      100
  in
  check_child "child"
    (in_child ~fork:Lwt_unix.fork (fun () ->
         let called = !calls in
         let abandoned promise =
           run (result promise) = Error Lwt_rust.Abandoned
         in
         abandoned sleeping && abandoned yielding
         && run (result calling) = Error Lwt_rust.Abandoned
         && !calls = called
         && run (Lwt_unix.sleep 0.01) = ()));
  check_bool "sleeping" true (run sleeping = 'x');
  check_bool "yielding" true (run yielding = 'y');
  check_int "calling" 4950 (run calling)

let collected_in_the_child () =
  let awaiting = ref [] in
  for _ = 1 to 100 do
    awaiting := Rust.await_portable (Lwt_rust.Promise.create ()) :: !awaiting
  done;
  check_child "child"
    (in_child (fun () ->
         Gc.full_major ();
         Gc.compact ();
         true));
  Gc.full_major ();
  List.iter
    (fun promise ->
      check_bool "abandoned" true
        (run (result promise) = Error Lwt_rust.Abandoned))
    !awaiting

let other_programs () =
  let sleeping = Rust.sleep 20 'x' in
  let output = run (Lwt_process.pread ("", [| "echo"; "hello" |])) in
  check_string "output" "hello\n" output;
  let status = run (Lwt_process.exec ("", [| "sh"; "-c"; "exit 3" |])) in
  check_bool "status" true (status = WEXITED 3);
  check_bool "sleeping" true (run sleeping = 'x')

let () =
  let test name body = Alcotest.test_case name `Quick body in
  Alcotest.run "forking"
    [
      ( "forking",
        [
          test "before the first use" before_the_first_use;
          test "calls are refused" (calls_are_refused Unix.fork);
          test "calls are refused, Lwt_unix.fork"
            (calls_are_refused Lwt_unix.fork);
          test "by a closure" by_a_closure;
          test "by a closure of a task" by_a_closure_of_a_task;
          test "tasks of each kind" tasks_of_each_kind;
          test "what waits is rejected" what_waits_is_rejected;
          test "collected in the child" collected_in_the_child;
          test "other programs" other_programs;
        ] );
    ]
