(* Rust code that waits in a [block_on]. Each case runs this program again, since it
   could wait for ever. *)

open Rust

let check what expected found = if expected <> found then failwith what
let canceled = ref 0

let add_one n =
  let promise = Lwt_unix.sleep 0.01 in
  Lwt.on_cancel promise (fun () -> incr canceled);
  Lwt.map (fun () -> n + 1) promise

let kinds = [ 0; 1; 2; 3 ]

let is_refused = function
  | Lwt_rust.Error { message; _ } ->
      String.starts_with ~prefix:"this thread would wait for itself" message
  | _ -> false

let still_works () = check "later" 5 (Lwt_main.run (Rust.call add_one 4))

(* [block] gets an error. If it has called a closure, the closure's promise is cancelled. *)
let refused ?(calls = 1) block =
  Lwt_rust.Runtime.start ();
  List.iter
    (fun kind ->
      canceled := 0;
      (match block add_one 1 kind with
      | (_ : int) -> failwith "no exception"
      | exception exn -> if not (is_refused exn) then raise exn);
      Lwt_main.run (Support.pauses 3);
      check "cancelled" calls !canceled)
    kinds;
  still_works ()

let works block =
  List.iter
    (fun kind -> check "value" 2 (Lwt_main.run (block add_one 1 kind)))
    kinds;
  check "cancelled" 0 !canceled;
  still_works ()

let in_a_domain () =
  let block () = block_on_now Lwt.return 1 0 in
  Domain.join
    (Domain.spawn (fun () ->
         Lwt_rust.Executor.run (fun () -> Rust.Call.yield 1 ());
         match block () with
         | (_ : int) -> failwith "no exception"
         | exception exn -> if not (is_refused exn) then raise exn))

(* The thread has called no asynchronous function, so it has no executor. *)
let in_another_thread f n kind =
  keep_closure f;
  let result = ref None in
  let block () =
    result := Some (try Ok (block_on_kept n kind) with exn -> Error exn)
  in
  Thread.join (Thread.create block ());
  match Option.get !result with Ok value -> value | Error exn -> raise exn

(* Another domain settles the promise. To collect garbage it needs the thread that blocks. *)
let for_another_domain () =
  let refused_for kind =
    let promise = Lwt_rust.Promise.create () in
    let settle () =
      Unix.sleepf 0.01;
      Gc.full_major ();
      Lwt_rust.Promise.resolve promise 5
    in
    let domain = Domain.spawn settle in
    (match block_on_portable promise kind with
    | (_ : int) -> failwith "no exception"
    | exception exn -> if not (is_refused exn) then raise exn);
    Domain.join domain
  in
  List.iter refused_for kinds

(* A task whose promises have wakers of their own, and take longer than the thread that
   would wait for itself. *)
let in_a_task_for_several () =
  let slow n = Lwt.map (fun () -> n + 1) (Lwt_unix.sleep 1.) in
  let several = Rust.await_several slow 1 in
  check "value" 4 (Lwt_main.run several);
  let background =
    Rust.call_in_the_background (fun n -> Lwt.map ignore (slow n)) 1
  in
  Lwt_main.run background;
  check "value" 4 (Lwt_main.run (Rust.await_several slow 1))

let polled_by_hand () =
  Lwt_rust.Runtime.start ();
  check "at once" false (poll_once add_one 1);
  Lwt_main.run (Support.pauses 3);
  check "cancelled" 1 !canceled;
  check "value" 2 (Lwt_main.run (poll_and_await add_one 1));
  still_works ()

(* Honest code that is like a thread in a [block_on] for a while. *)
let looked_at () =
  Lwt_main.run
    (let open Lwt.Syntax in
     let slow n = Lwt.map (fun () -> n + 1) (Lwt_unix.sleep 0.8) in
     let* () = Rust.start_job slow 1 in
     let rec until_there n =
       let* result = Rust.job_result () in
       match result with
       | Some value -> Lwt.return value
       | None when n = 0 -> failwith "no result"
       | None ->
           let* () = Lwt_unix.sleep 0.12 in
           until_there (n - 1)
     in
     let* value = until_there 100 in
     check "value" 2 value;
     Lwt.return_unit)

let in_a_local_set () =
  let slow n = Lwt.map (fun () -> n + 1) (Lwt_unix.sleep 0.3) in
  check "value" 2 (Lwt_main.run (Rust.await_in_local_set slow 1))

let programs =
  [
    ("in a plain function", fun () -> refused block_on_now);
    ( "in a task",
      fun () -> refused (fun f n kind -> Lwt_main.run (block_on_later f n kind))
    );
    ("for a task of the domain", fun () -> refused ~calls:0 block_on_task);
    ("in another thread of the domain", fun () -> refused in_another_thread);
    ("with the lock in hand", fun () -> refused block_on_locked);
    ("in a domain without Lwt", in_a_domain);
    ("for several promises", fun () -> refused ~calls:2 block_on_several);
    ("for another domain", for_another_domain);
    ("not at all: several promises in a task", in_a_task_for_several);
    ("on another thread", fun () -> works block_on_elsewhere);
    ("in a function that may block", fun () -> works block_on_pool);
    ("not at all: polled by hand", polled_by_hand);
    ("not at all: looked at in several calls", looked_at);
    ("not at all: in a LocalSet", in_a_local_set);
  ]

let left_out = function
  | "in a domain without Lwt" | "for another domain" -> Support.starts_a_domain
  | _ -> []

let ends name () =
  Alcotest.(check int)
    "code" 0
    (Program.wait_for (Program.start name Unix.stderr))

let () =
  match Sys.argv with
  | [| _; name |] when List.mem_assoc name programs ->
      (List.assoc name programs) ()
  | _ ->
      Alcotest.run "block_on"
        [
          ( "block_on",
            List.concat_map
              (fun (name, _) ->
                Support.left_out (left_out name)
                  [ Alcotest.test_case name `Quick (ends name) ])
              programs );
        ]
