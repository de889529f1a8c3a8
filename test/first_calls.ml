(* What is called first: in the process, in a thread, in a domain. Each case runs
   this program again. *)

let text n = String.concat "-" (List.init n string_of_int)

(* What makes the first call ready fills the minor heap, so that the arguments,
   which nobody else has, are moved. *)
let with_little_memory () = Gc.set { (Gc.get ()) with minor_heap_size = 256 }
let check what expected found = if expected <> found then failwith what

let plain_function () =
  with_little_memory ();
  let closures n = List.init n (fun _ () -> Lwt.return_unit) in
  check "lengths"
    (20, String.length (text 30))
    (Rust_functions.lengths (closures 20) (text 30))

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
             Lwt_rust.Executor.run (fun () -> Rust.Raw.ready (text n))))
    in
    check "value" (text n) found
  done

let closure_in_the_background () =
  let called, resolver = Lwt.wait () in
  let closure text = Lwt.return (Lwt.wakeup_later resolver text) in
  Rust_functions.call_in_background closure (text 9);
  check "argument" (text 9) (Lwt_main.run called)

(* A function of plain values starts nothing, so a child may do so. *)
let fork_after_a_plain_function () =
  check "sum" 3 (Rust_functions.add 1 2);
  check "tokio" false (Rust_functions.has_tokio ());
  match Unix.fork () with
  | 0 -> exit (Lwt_main.run (Rust.spawn 7))
  | child -> check "code" (Unix.WEXITED 7) (snd (Unix.waitpid [] child))

let tokio_everywhere () =
  Thread.join (Thread.create Lwt_rust.Runtime.start ());
  check "this thread" true (Rust_functions.has_tokio ());
  let other f = Thread.join (Thread.create f ()) in
  other (fun () -> check "a thread" true (Rust_functions.has_tokio ()));
  Domain.join
    (Domain.spawn (fun () ->
         check "a domain" true (Rust_functions.has_tokio ())))

(* As crates do that report panics. One that is set later is known of when a panic
   has not come by ours. *)
let panic_hook_of_another () =
  let reported = ref 0 in
  Lwt_rust.set_panic_reporter (Some (fun _ -> incr reported));
  let panic () =
    match
      Lwt_main.run
        (Lwt.finalize (fun () -> Rust.panic true) (fun () -> Support.pauses 3))
    with
    | () -> failwith "no panic"
    | exception Lwt_rust.Panic { location; _ } -> location <> ""
  in
  Rust_functions.replace_panic_hook ();
  check "location" true (panic ());
  check "reported" 1 !reported;
  Rust_functions.replace_panic_hook ();
  check "no location" false (panic ());
  check "location" true (panic ());
  check "reported" 2 !reported

let programs =
  [
    ("a plain function with closures", plain_function);
    ("an asynchronous function", asynchronous_function);
    ("one that sets a panic hook", panic_hook_of_another);
    ("functions of domains", in_domains);
    ( "a plain function that leaves a closure to a task",
      closure_in_the_background );
    ("a plain function, and then a fork", fork_after_a_plain_function);
    ("plain functions that use tokio, when it has started", tokio_everywhere);
  ]

let left_out = function
  | "functions of domains"
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
  | _ ->
      Alcotest.run "first_calls"
        [
          ( "first calls",
            List.concat_map
              (fun (name, _) ->
                Support.left_out (left_out name)
                  [ Alcotest.test_case name `Quick (ends name) ])
              programs );
        ]
