(* The first call of a process, of a thread and of a domain. Each case runs this program
   again. *)

let text n = String.concat "-" (List.init n string_of_int)

(* With a small minor heap, the preparations of a first call cause a collection. It moves
   the arguments, which only the call refers to. *)
let with_little_memory () = Gc.set { (Gc.get ()) with minor_heap_size = 256 }
let check what expected found = if expected <> found then failwith what

let plain_function () =
  with_little_memory ();
  let closures n = List.init n (fun _ () -> Lwt.return_unit) in
  check "lengths"
    (20, String.length (text 30))
    (Rust.lengths (closures 20) (text 30))

let asynchronous_function () =
  with_little_memory ();
  check "value" (text 30) (Lwt_main.run (Rust.ready (text 30)))

let in_domains () =
  Lwt_rust.Runtime.start ();
  for n = 1 to 20 do
    let found =
      Domain.join
        (Domain.spawn (fun () ->
             with_little_memory ();
             Lwt_rust.Executor.run (fun () -> Rust.Call.ready (text n))))
    in
    check "value" (text n) found
  done

(* [lwt_rust::spawn] makes the executor. *)
let task_of_a_plain_function is_local () =
  let told, resolver = Lwt.wait () in
  with_little_memory ();
  Rust.spawn_and_return is_local (text 9) (Lwt.wakeup_later resolver);
  check "text" (text 9) (Lwt_main.run told)

let closure_in_the_background () =
  let called, resolver = Lwt.wait () in
  let closure text = Lwt.return (Lwt.wakeup_later resolver text) in
  Rust.call_in_background closure (text 9);
  check "argument" (text 9) (Lwt_main.run called)

(* A function of plain values does not start the runtime, so a forked child may start it. *)
let fork_after_a_plain_function () =
  check "sum" 3 (Rust.add 1 2);
  check "tokio" false (Rust.has_tokio ());
  match Unix.fork () with
  | 0 -> exit (Lwt_main.run (Rust.spawn 7))
  | child -> check "code" (Unix.WEXITED 7) (snd (Unix.waitpid [] child))

let tokio_everywhere () =
  Thread.join (Thread.create Lwt_rust.Runtime.start ());
  check "this thread" true (Rust.has_tokio ());
  let other f = Thread.join (Thread.create f ()) in
  other (fun () -> check "a thread" true (Rust.has_tokio ()));
  Domain.join
    (Domain.spawn (fun () -> check "a domain" true (Rust.has_tokio ())))

(* Panic hooks, set at any time, as crates that report panics do. *)
let reported = ref 0

(* Checks that a panic of a call has its location, that the handler is called once, and
   that [hooks] other hooks are called. *)
let panics ?(is_seen = true) hooks =
  let calls = Rust.panic_hook_calls () in
  reported := 0;
  (match
     Lwt_main.run
       (Lwt.finalize (fun () -> Rust.panic true) (fun () -> Support.pauses 3))
   with
  | () -> failwith "no panic"
  | exception Lwt_rust.Panic { location; message; _ } ->
      check "message" "panic of the test" message;
      check "location" is_seen (Option.is_some location));
  check "reported" (if is_seen then 1 else 0) !reported;
  check "hooks" hooks (Rust.panic_hook_calls () - calls)

let report () = Lwt_rust.on_panic (Some (fun _ -> incr reported))

let panic_hook_before_the_start () =
  report ();
  Rust.replace_panic_hook ();
  panics 1;
  panics 1

let panic_hook_after_the_start () =
  Lwt_rust.Runtime.start ();
  report ();
  panics 0;
  Rust.replace_panic_hook ();
  panics 1;
  (* A new hook takes the place of the last one. *)
  Rust.replace_panic_hook ();
  panics 1;
  (* A new hook calls the last one. *)
  Rust.extend_panic_hook true;
  panics 2;
  Rust.extend_panic_hook true;
  panics 3;
  Rust.replace_panic_hook ();
  panics 1;
  (* This hook keeps ours, and does not call it. *)
  Rust.extend_panic_hook false;
  panics ~is_seen:false 1;
  (* The next hook drops both. *)
  Rust.replace_panic_hook ();
  panics 1

(* Rust code that runs before OCaml starts sets the hook. *)
let panic_hook_before_the_program () =
  match Sys.getenv_opt "LWT_RUST_TEST_EARLY_HOOK" with
  | Some _ ->
      report ();
      panics 1
  | None ->
      let extra = [ "LWT_RUST_TEST_EARLY_HOOK=1" ] in
      let name = "one that has set a panic hook before OCaml begins" in
      check "code" 0 (Program.wait_for (Program.start ~extra name Unix.stderr))

(* [each program] runs [program n] in a process of its own, for each [n] from 0, until a
   run was not interrupted. *)
let each program =
  let rec go n =
    flush_all ();
    match Unix.fork () with
    | 0 -> (
        match program n with
        | true -> Unix._exit 0
        | false -> Unix._exit 1
        | exception exn ->
            Printf.eprintf "interrupted at %d: %s\n%!" n
              (Printexc.to_string exn);
            Unix._exit 2)
    | child -> (
        match Unix.waitpid [] child with
        | _, WEXITED 0 -> go (n + 1)
        | _, WEXITED 1 -> n
        | _ -> failwith (Printf.sprintf "interrupted at %d" n))
  in
  (* A call allocates a few times at least. *)
  if Support.has_memprof () then check "enough places" true (go 0 > 5)

let first_call_interrupted n =
  let other = ref (Lwt.return 5) in
  let promise = ref (Lwt.return 0) in
  let was_interrupted =
    Support.interrupted n
      (fun () -> other := Rust.sleep 2 5)
      (fun () -> promise := Rust.yield 3 7)
  in
  let both = Lwt.both !promise !other in
  check "both" (7, 5) (Lwt_main.run both);
  (* The loop does the work that is left. *)
  let sum () = Rust.sum (fun n -> Lwt.map (fun () -> n) (Lwt.pause ())) 500 in
  check "later" 124_750 (Lwt_main.run (sum ()));
  check "spawned" 6 (Lwt_main.run (Rust.spawn 6));
  was_interrupted

(* The table of calls is full, and has to grow for the next one. *)
let growing_interrupted n =
  let full = List.init 16 (fun n -> Rust.sleep 2 n) in
  let others = ref [] in
  let promise = ref (Lwt.return 0) in
  let was_interrupted =
    Support.interrupted n
      (fun () -> others := List.init 40 (fun n -> Rust.sleep 2 n))
      (fun () -> promise := Rust.yield 3 7)
  in
  check "the call" 7 (Lwt_main.run !promise);
  let sum calls = List.fold_left ( + ) 0 (Lwt_main.run (Lwt.all calls)) in
  check "those before" 120 (sum full);
  check "those within" (if was_interrupted then 780 else 0) (sum !others);
  was_interrupted

exception Handler

let first_call_left n =
  let promise = ref (Lwt.return 7) in
  let was_interrupted =
    match
      Support.interrupted n
        (fun () -> raise Handler)
        (fun () -> promise := Rust.yield 3 7)
    with
    | was_interrupted -> was_interrupted
    | exception Handler -> true
  in
  (match Lwt_main.run !promise with
  | 7 -> ()
  | _ -> failwith "another value"
  | exception Handler -> ());
  check "later" 8 (Lwt_main.run (Rust.sleep 2 8));
  was_interrupted

let first_run_interrupted n =
  let run f = Lwt_rust.Executor.run f in
  let other = ref 5 in
  let handler () =
    match run (fun () -> Rust.Call.sleep 2 5) with
    | value -> other := value
    | exception Lwt_rust.Error { message; _ } ->
        check "says when" true
          (String.ends_with ~suffix:"when the handler has returned" message)
    | exception Invalid_argument message ->
        check "says why" true
          (String.starts_with ~prefix:"Lwt_rust.Executor.run: it is running"
             message)
  in
  let was_interrupted =
    Support.interrupted n handler (fun () ->
        check "value" 7 (run (fun () -> Rust.Call.yield 3 7)))
  in
  check "other" 5 !other;
  check "later" 8 (run (fun () -> Rust.Call.sleep 2 8));
  was_interrupted

let wait_until what f =
  let deadline = Unix.gettimeofday () +. 20. in
  while (not (f ())) && Unix.gettimeofday () < deadline do
    Unix.sleepf 0.001
  done;
  check what true (f ())

let reject_text text = Lwt.fail_with text

let settings text : Rust.settings =
  let rec make depth : Rust.settings =
    {
      text;
      on_error = reject_text;
      choices =
        [
          ("one", Nothing);
          ("two", Later (Lwt.return text));
          ("three", more depth);
        ];
      others = (if depth = 0 then [] else [ make (depth - 1) ]);
    }
  and more depth : Rust.choice =
    let settings = if depth = 0 then None else Some [| make (depth - 1) |] in
    Several { choices = [ Nothing; Later (Lwt.return text) ]; settings }
  in
  make 2

let record_with_closures () =
  with_little_memory ();
  (* There are seven settings. Each has a text of 49 bytes and two promises. *)
  check "length" (7 * (49 + 2)) (Rust.settings_length (settings (text 20)));
  check "and then" 7 (Lwt_main.run (Rust.spawn 7))

let variant_with_promises () =
  with_little_memory ();
  let promise, _ = Lwt.task () in
  check "promises" 2
    (Rust.choice_length
       (Several { choices = [ Later promise; Later promise ]; settings = None }));
  check "and then" 7 (Lwt_main.run (Rust.spawn 7))

(* The type may contain a closure, but has none in this function. *)
let record_without_closures () =
  check "person" "Ada"
    (Rust.echo_person
       { name = "Ada"; type_ = None; height_ = 1.; friends = [] })
      .name;
  check "tokio" false (Rust.has_tokio ())

(* The collector calls destructors, so they must not start threads. Here the destructor of
   a connection panics, a message says so, and all other values are dropped. *)
let destructors_that_want_tokio () =
  let make_and_drop n =
    for _ = 1 to n do
      ignore (Sys.opaque_identity (Rust.pooled ()))
    done;
    Gc.full_major ();
    Gc.full_major ()
  in
  make_and_drop 10;
  Domain.join (Domain.spawn (fun () -> make_and_drop 10));
  check "dropped" 20 (Rust.pooled_dropped ());
  check "closed" 0 (Rust.closed ());
  check "tokio" false (Rust.has_tokio ());
  check "started" 7 (Lwt_main.run (Rust.spawn 7));
  make_and_drop 10;
  check "dropped" 30 (Rust.pooled_dropped ());
  wait_until "closed" (fun () -> Rust.closed () = 10)

let functions_that_want_tokio () =
  (match Rust.spawn_without () with
  | () -> failwith "no panic"
  | exception Lwt_rust.Panic { message; _ } ->
      check message true
        (Support.contains message "there is no reactor running"
        && Support.contains message "write `#[lwt_rust::func(tokio)]`"));
  check "not started" false (Rust.has_tokio ());
  let calls = ref 0 in
  let call f =
    f ();
    incr calls
  in
  let call_all () =
    call Rust.spawn_now;
    Rust.spawn_around (fun () -> call Rust.spawn_now);
    calls := !calls + 2
  in
  let all_threads () =
    Thread.join (Thread.create call_all ());
    call_all ();
    Domain.join
      (Domain.spawn (fun () ->
           call_all ();
           Thread.join (Thread.create call_all ())))
  in
  all_threads ();
  wait_until "spawned" (fun () -> Rust.spawned () = !calls);
  check "started" true (Rust.has_tokio ());
  check "asynchronous" 7 (Lwt_main.run (Rust.spawn 7));
  all_threads ();
  check "calls" 32 !calls;
  wait_until "and after" (fun () -> Rust.spawned () = !calls);
  (* The runtime has started, so the option is not needed any more. *)
  Rust.spawn_without ()

(* They are refused like asynchronous functions. *)
let functions_that_want_tokio_too_late () =
  Rust.spawn_now ();
  let refused () =
    match Rust.spawn_now () with
    | () -> ""
    | exception Lwt_rust.Error { message; _ } -> message
  in
  (match Unix.fork () with
  | 0 ->
      exit
        (if Support.contains (refused ()) "this process was forked" then 3
         else 4)
  | child -> check "in a child" (Unix.WEXITED 3) (snd (Unix.waitpid [] child)));
  Lwt_main.run (Lwt_rust.Runtime.shutdown ());
  check "shut down" true (Support.contains (refused ()) "was shut down")

(* The first call is in a domain that does not run the loop. *)
let functions_that_want_tokio_elsewhere () =
  Domain.join
    (Domain.spawn (fun () -> Thread.join (Thread.create Rust.spawn_now ())));
  wait_until "spawned" (fun () -> Rust.spawned () = 1);
  check "the loop's domain is not known" 7 (Lwt_main.run (Rust.spawn 7))

let fork_and_then_want_tokio () =
  let spawn code =
    Rust.spawn_now ();
    wait_until "spawned" (fun () -> Rust.spawned () = 1);
    code
  in
  check "sum" 3 (Rust.add 1 2);
  match Unix.fork () with
  | 0 -> exit (spawn 5)
  | child ->
      check "code" (Unix.WEXITED 5) (snd (Unix.waitpid [] child));
      ignore (spawn 0 : int)

let programs =
  [
    ( "a call, interrupted by a handler that calls",
      fun () -> each first_call_interrupted );
    ( "a call, interrupted by a handler that raises",
      fun () -> each first_call_left );
    ( "a call for which the table grows, interrupted by a handler that calls",
      fun () -> each growing_interrupted );
    ( "Executor.run, interrupted by a handler that calls it",
      fun () -> each first_run_interrupted );
    ("a plain function with closures", plain_function);
    ("an asynchronous function", asynchronous_function);
    ("one that sets a panic hook", panic_hook_before_the_start);
    ("one that sets panic hooks later", panic_hook_after_the_start);
    ( "one that has set a panic hook before OCaml begins",
      panic_hook_before_the_program );
    ("functions of domains", in_domains);
    ( "a plain function that leaves a closure to a task",
      closure_in_the_background );
    ("a task of a plain function", task_of_a_plain_function false);
    ("a local task of a plain function", task_of_a_plain_function true);
    ("a plain function, and then a fork", fork_after_a_plain_function);
    ("a plain function with closures in a record", record_with_closures);
    ("a plain function with promises in a variant", variant_with_promises);
    ("a plain function with a record without closures", record_without_closures);
    ("plain functions that want tokio", functions_that_want_tokio);
    ( "plain functions that want tokio in another domain",
      functions_that_want_tokio_elsewhere );
    ( "plain functions that want tokio too late",
      functions_that_want_tokio_too_late );
    ( "a fork, and then plain functions that want tokio",
      fork_and_then_want_tokio );
    ("plain functions that use tokio, when it has started", tokio_everywhere);
  ]

let destructors = "destructors that want tokio"

(* A message for each destructor says how to avoid the panic. *)
let destructors_are_told_of () =
  let file = Filename.temp_file "first_calls" ".stderr" in
  let stderr = Unix.openfile file [ O_WRONLY; O_TRUNC ] 0o600 in
  let code = Program.(wait_for (start destructors stderr)) in
  Unix.close stderr;
  let said = In_channel.with_open_bin file In_channel.input_lines in
  Sys.remove file;
  Alcotest.(check int) "code" 0 code;
  let lines part =
    List.length (List.filter (fun line -> Support.contains line part) said)
  in
  Alcotest.(check int) "panics" 20 (lines "there is no reactor running");
  Alcotest.(check int)
    "hints" 20
    (lines "call Lwt_rust.Runtime.start () before")

let left_out = function
  | "a call, interrupted by a handler that calls"
  | "a call, interrupted by a handler that raises"
  | "a call for which the table grows, interrupted by a handler that calls"
  | "Executor.run, interrupted by a handler that calls it" ->
      [ (Support.Memcheck, "it starts a hundred processes") ]
  | "functions of domains" | "plain functions that want tokio"
  | "plain functions that want tokio too late"
  | "plain functions that want tokio in another domain"
  | "destructors that want tokio"
  | "plain functions that use tokio, when it has started" ->
      Support.starts_a_domain
  | _ -> []

let ends name () =
  Alcotest.(check int)
    "code" 0
    (Program.wait_for (Program.start name Unix.stderr))

let () =
  match Sys.argv with
  | [| _; name |] when List.mem_assoc name programs ->
      (List.assoc name programs) ()
  | [| _; name |] when name = destructors -> destructors_that_want_tokio ()
  | _ ->
      Alcotest.run "first_calls"
        [
          ( "first calls",
            List.concat_map
              (fun (name, _) ->
                Support.left_out (left_out name)
                  [ Alcotest.test_case name `Quick (ends name) ])
              programs
            @ Support.left_out (left_out destructors)
                [
                  Alcotest.test_case destructors `Quick destructors_are_told_of;
                ] );
        ]
