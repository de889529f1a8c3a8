(* The system has no threads, descriptors or memory left when the runtime starts, or the
   greatest number of calls, tasks or awaited promises is reached. Each case runs this
   program again. *)

let threads = 0
let descriptors = 1
let address_space = 2
let limit what most = ignore (Rust.limit what most : int)

let is_of_the_system = function
  | Unix.Unix_error ((EAGAIN | EMFILE | ENOMEM), _, _) -> true
  | _ -> false

(* Checks that [start], a call, and a plain function that uses tokio fail under the limit,
   and work when the limit is lifted. *)
let refused what most =
  let before = Rust.limit what most in
  let try_all () =
    (match Lwt_rust.Runtime.start () with
    | () -> exit 2
    | exception exn -> if not (is_of_the_system exn) then raise exn);
    (match Rust.spawn_now () with
    | () -> exit 5
    | exception exn -> if not (is_of_the_system exn) then raise exn);
    match Lwt_main.run (Rust.yield 3 ()) with
    | () -> exit 3
    | exception exn -> if not (is_of_the_system exn) then raise exn
  in
  try_all ();
  try_all ();
  limit what before;
  Rust.spawn_now ();
  if Lwt_main.run (Rust.spawn 3) <> 3 then exit 4

(* Checks that a call works, or fails with the right error, under any limit. *)
let works_or_refused what most =
  limit what most;
  match Lwt_main.run (Rust.spawn 3) with
  | 3 -> ()
  | _ -> exit 2
  | exception exn -> if not (is_of_the_system exn) then raise exn

let four_workers () =
  Lwt_rust.Runtime.(configure (Multi_thread { workers = Some 4 }))

let one_thread () = Lwt_rust.Runtime.(configure Current_thread)

(* The limit counts the threads of a user, and does not apply to root. *)
let as_another_user () =
  if Unix.getuid () = 0 then Unix.setuid 61234 else exit 0

(* The number of bytes that the process has mapped. *)
let mapped () =
  match In_channel.with_open_bin "/proc/self/statm" In_channel.input_all with
  | line -> Scanf.sscanf line "%d" (fun pages -> pages * 4096)
  | exception Sys_error _ -> exit 0

(* The real limit is 2^24, which would take gigabytes, so these tests use a smaller one. *)
let most = 100

let too_many what =
  Printf.sprintf
    "this domain has %d %s at a time, which is the most that it can have" most
    what

let check what expected found = if expected <> found then failwith what

let fills ?(room = most) run () =
  Lwt_rust.Runtime.start ();
  Rust.set_most_slots most;
  Lwt_main.run (run ());
  (* All slots can be used again. *)
  let all = List.init room (fun n -> Rust.sleep 1 n) in
  check "again" (List.init room Fun.id) (Lwt_main.run (Lwt.all all));
  let live = Lwt_rust.Debug.live () in
  check "tasks" 0 live.tasks;
  check "promises" 0 live.promises

let refused_call () =
  Lwt.bind
    (Support.result (Rust.yield 2 ()))
    (function
      | Error (Lwt_rust.Error { message; _ }) ->
          Lwt.return (check "message" (too_many "calls") message)
      | Ok () | Error _ -> failwith "not refused")

let many_calls () =
  let open Lwt.Syntax in
  let waiting = List.init (most - 10) (fun n -> Rust.sleep 20 n) in
  let cancelled = List.init 10 (fun _ -> Rust.for_ever ()) in
  let* () = refused_call () in
  let* () = refused_call () in
  (* Calls that never wait need no slot. *)
  let* n = Rust.ready 3 in
  check "ready" 3 n;
  List.iter Lwt.cancel cancelled;
  let others = List.init 10 (fun n -> Rust.yield 5 n) in
  let* () = refused_call () in
  let* numbers = Lwt.all others in
  check "others" (List.init 10 Fun.id) numbers;
  let+ numbers = Lwt.all waiting in
  check "waiting" (List.init (most - 10) Fun.id) numbers

(* There is no room for the task that runs spawned tasks, until a call ends. *)
let spawned_task_waits_for_room ends () =
  Lwt_rust.Runtime.start ();
  Rust.set_most_slots 3;
  let paused, resolver = Lwt.wait () in
  let calls =
    Lwt.map ignore (Rust.call (fun _ -> paused) 1)
    :: List.init 2 (fun _ -> Rust.for_ever ())
  in
  Rust.spawn_from_a_thread ();
  Lwt_main.run (Lwt_unix.sleep 0.02);
  check "waits" 0 (Rust.tasks_run ());
  ends resolver calls;
  Lwt_main.run (Lwt_unix.sleep 0.02);
  check "has run" 1 (Rust.tasks_run ())

let one_is_cancelled _ calls = Lwt.cancel (List.nth calls 1)
let one_ends resolver _ = Lwt.wakeup resolver 2

(* 2^24 calls take five gigabytes and half a minute. *)
let all_calls () =
  let most = 1 lsl 24 in
  let calls = Array.make most Lwt.return_unit in
  Array.iteri (fun i _ -> calls.(i) <- Rust.for_ever ()) calls;
  check "live" most (Lwt_main.run (Rust.live ()));
  let refused () =
    match Lwt_main.run (Rust.yield 1 ()) with
    | () -> failwith "not refused"
    | exception Lwt_rust.Error { message; _ } ->
        check "message" true
          (String.starts_with ~prefix:"this domain has 16777216 calls" message)
  in
  refused ();
  List.iter (fun i -> Lwt.cancel calls.(i)) (List.init 10 Fun.id);
  let others = List.init 10 (fun n -> Rust.sleep 1 n) in
  refused ();
  check "others" (List.init 10 Fun.id) (Lwt_main.run (Lwt.all others));
  Array.iter Lwt.cancel calls;
  check "live" 0 (Lwt_main.run (Rust.live ()));
  check "later" 5 (Lwt_main.run (Rust.sleep 1 5))

(* Checks that [good] of them work, and that the others fail with the right message. *)
let sorts good what (found, messages) =
  check "good" good found;
  check "messages" true (List.for_all (( = ) (too_many what)) messages);
  check "refused" 50 (List.length messages)

(* Spawned tasks need no slots: together they are one task of the domain. *)
let many_tasks spawn () =
  let round () =
    Lwt.map
      (fun (good, messages) ->
        check "good" (most + 50) good;
        check "messages" [] messages)
      (spawn (most + 50))
  in
  Lwt.bind (round ()) round

let later n = Lwt.map (fun () -> n) (Lwt.pause ())

let many_promises () =
  let round () =
    Lwt.map (sorts most "awaited promises") (Rust.call_many later (most + 50))
  in
  Lwt.bind (round ()) round

(* Another thread that calls a closure uses a task for a moment. *)
let many_promises_elsewhere () =
  let round () =
    Lwt.map
      (fun (good, messages) ->
        check "some" true (good > 0);
        check "all" (most + 50) (good + List.length messages))
      (Rust.call_many_elsewhere later (most + 50))
  in
  Lwt.bind (round ()) round

let rec range first last =
  if first > last then [] else first :: range (first + 1) last

let programs =
  List.concat
    [
      List.map
        (fun n ->
          ( Printf.sprintf "%d threads for four workers" n,
            fun () ->
              four_workers ();
              as_another_user ();
              refused threads n ))
        (range 1 4);
      List.map
        (fun n ->
          ( Printf.sprintf "about enough threads: %d" n,
            fun () ->
              four_workers ();
              as_another_user ();
              works_or_refused threads n ))
        (range 5 8);
      [
        ( "no thread for a runtime of one",
          fun () ->
            one_thread ();
            as_another_user ();
            refused threads 1 );
        ("no descriptors", fun () -> refused descriptors 5);
        ( "no descriptors for a runtime of one thread",
          fun () ->
            one_thread ();
            refused descriptors 5 );
        ( "no thread for a function that blocks",
          fun () ->
            one_thread ();
            as_another_user ();
            Lwt_rust.Runtime.start ();
            let before = Rust.limit threads 2 in
            let block () = Lwt_main.run (Rust.block ()) in
            let refused () =
              match block () with
              | () -> exit 2
              | exception exn -> if not (is_of_the_system exn) then raise exn
            in
            refused ();
            refused ();
            limit threads before;
            block () );
      ];
      [
        ("as many calls as there may be", fills many_calls);
        ( "more spawned tasks than calls",
          fills ~room:(most - 1) (many_tasks Rust.spawn_many) );
        ( "more spawned tasks than calls, from another thread",
          fills ~room:(most - 1) (many_tasks Rust.spawn_many_elsewhere) );
        ( "a spawned task, when a call is cancelled",
          spawned_task_waits_for_room one_is_cancelled );
        ( "a spawned task, when a call ends",
          spawned_task_waits_for_room one_ends );
        ("as many awaited promises as there may be", fills many_promises);
        ( "as many awaited promises as there may be, from another thread",
          fills many_promises_elsewhere );
      ];
      List.map
        (fun n ->
          ( Printf.sprintf "about enough descriptors: %d" n,
            fun () -> works_or_refused descriptors n ))
        (range 6 24);
      List.map
        (fun megabytes ->
          ( Printf.sprintf "%d MB of address space" megabytes,
            fun () ->
              four_workers ();
              works_or_refused address_space
                (mapped () + (megabytes * 1024 * 1024)) ))
        [ 1; 3; 5; 7; 9; 11; 13; 100 ];
    ]

let contains word name = List.mem word (String.split_on_char ' ' name)

let left_out name =
  ( Support.Memcheck,
    "valgrind needs descriptors and memory too, and minutes for the rest" )
  ::
  (if contains "address" name then
     [ (Support.Thread_sanitizer, "ThreadSanitizer needs address space too") ]
   else [])

let ends name () =
  Alcotest.(check int)
    "code" 0
    (Program.wait_for (Program.start name Unix.stderr))

let () =
  match Sys.argv with
  | [| _; "all calls" |] -> all_calls ()
  | [| _; name |] when List.mem_assoc name programs ->
      (List.assoc name programs) ()
  | _ ->
      Alcotest.run "limits"
        [
          ( "limits",
            List.concat_map
              (fun (name, _) ->
                Support.left_out (left_out name)
                  [ Alcotest.test_case name `Quick (ends name) ])
              programs );
        ]
