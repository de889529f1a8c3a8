(* Errors and panics of Rust code that OCaml has called on the stack of a fiber. Rust must
   not walk over OCaml's frames when it captures a backtrace there. Each case runs this
   program again, since Rust reads [RUST_BACKTRACE] only once in a process. *)

open Effect.Deep

type _ Effect.t += Go : unit Effect.t

(* The stack of a fiber is small, and is moved when it grows. *)
let in_fiber f =
  let rec deep n = if n = 0 then f () else 1 + deep (n - 1) - 1 in
  let effc (type a) (performed : a Effect.t) =
    match performed with
    | Go -> Some (fun (k : (a, int) continuation) -> continue k ())
    | _ -> None
  in
  let body () =
    Effect.perform Go;
    deep 1000
  in
  match_with body () { retc = Fun.id; exnc = raise; effc }

let is_captured = Sys.getenv_opt "RUST_BACKTRACE" <> Some "0"

(* Checks that [f] fails in Rust, with a backtrace if [RUST_BACKTRACE] asks for it. *)
let fails f () =
  let check backtrace =
    if Option.is_some backtrace <> is_captured then exit 3;
    0
  in
  match f () with
  | () -> exit 2
  | exception Lwt_rust.Error { backtrace; _ } -> check backtrace
  | exception Lwt_rust.Panic { backtrace; _ } -> check backtrace

let state promise =
  match Lwt.state promise with Fail exn -> raise exn | Return () | Sleep -> ()

let plain =
  [
    fails Rust.panic_directly;
    fails (fun () -> ignore (Rust.divide 1 0 : int));
    (* A finaliser panics, and the panic is reported. *)
    (fun () ->
      ignore (Sys.opaque_identity (Rust.fragile ()));
      Gc.full_major ();
      0);
  ]

let of_the_loop =
  List.concat_map
    (fun call ->
      List.map
        (fun waits -> fails (fun () -> Lwt_main.run (call waits)))
        [ false; true ])
    [ Rust.fail; Rust.panic; Rust.panic_in_drop; Rust.panic_in_error ]

let of_a_domain =
  List.concat_map
    (fun call ->
      List.map
        (fun waits ->
          fails (fun () -> Lwt_rust.Executor.run (fun () -> call waits)))
        [ false; true ])
    [ Rust.Call.fail; Rust.Call.panic ]

(* OCaml calls Rust in a fiber. Rust calls an OCaml closure, which calls Rust in another
   fiber. *)
let of_closures =
  let inner = fails (fun () -> state (Rust.panic false)) in
  let closure () = Lwt.return (in_fiber inner) in
  List.map
    (fun call () -> Lwt_main.run (call closure ()))
    [ Rust.call; Rust.call_later ]

let run_all = List.iter (fun f -> assert (in_fiber f = 0))
let twice = List.iter (fun f -> assert (in_fiber (fun () -> in_fiber f) = 0))

(* Below a callback of the loop's engine are C frames. *)
let in_the_engine () =
  Lwt_main.run
    (let woken, resolver = Lwt.wait () in
     let event =
       Lwt_engine.on_timer 0.001 false (fun event ->
           Lwt_engine.stop_event event;
           run_all plain;
           assert (in_fiber (fails (fun () -> state (Rust.fail false))) = 0);
           Lwt.wakeup_later resolver ())
     in
     ignore (event : Lwt_engine.event);
     woken)

(* A signal handler that Rust has set runs while OCaml code is on small stacks. *)
let handler_of_rust ~by_signal () =
  let sigusr1 =
    10
    (* on Linux *)
  in
  let signals = 20_000 in
  let rec fibers n = if n = 0 then 0 else in_fiber (fun () -> fibers (n - 1)) in
  Rust.set_handler sigusr1 by_signal;
  let own = string_of_int (Unix.getpid ()) in
  let command =
    Printf.sprintf
      "n=0; while [ $n -lt %d ]; do kill -USR1 $0 || exit; n=$((n + 1)); done"
      signals
  in
  let child =
    Unix.create_process "sh"
      [| "sh"; "-c"; command; own |]
      Unix.stdin Unix.stdout Unix.stderr
  in
  let rec go () =
    assert (fibers 10 = 0);
    match Unix.waitpid [ WNOHANG ] child with
    | 0, _ -> go ()
    | _, status -> assert (status = WEXITED 0)
  in
  go ();
  assert (Rust.handled () > 0)

(* Rust maps the debug information of the program to find the names of the frames. A thread
   does that when the runtime starts, so that the first error need not. *)
let prepared_at_the_start () =
  let mapped () =
    match In_channel.with_open_bin "/proc/self/maps" In_channel.input_all with
    | maps ->
        let is_ours = String.ends_with ~suffix:Sys.executable_name in
        List.length (List.filter is_ours (String.split_on_char '\n' maps))
    | exception Sys_error _ -> 0
  in
  let before = mapped () in
  Lwt_rust.Runtime.start ();
  while is_captured && mapped () = before do
    Thread.delay 0.001
  done;
  let prepared = mapped () in
  let kept = ref [] in
  let keep call =
    match Lwt_main.run (call ()) with
    | _ -> exit 2
    | exception exn -> kept := exn :: !kept
  in
  keep (fun () -> Rust.fail true);
  keep (fun () -> Rust.panic true);
  (* Rust shows the exception of a closure. *)
  keep (fun () -> Rust.call (fun () -> Rust.fail true) ());
  keep (fun () -> Rust.call_later (fun () -> Rust.panic false) ());
  Lwt_main.run (Support.pauses 3);
  if mapped () <> prepared then exit 3;
  let has_names exn =
    Support.contains (Printexc.to_string exn) "lwt_rust_testing"
  in
  if not (List.for_all (fun exn -> has_names exn = is_captured) !kept) then
    exit 4

let programs =
  [
    ("backtraces are prepared at the start", prepared_at_the_start);
    ("a handler that Rust has set", handler_of_rust ~by_signal:false);
    ("a handler that Rust has set by signal", handler_of_rust ~by_signal:true);
    ("plain functions", fun () -> run_all plain);
    ("the loop", fun () -> run_all of_the_loop);
    ("a fiber in a fiber", fun () -> twice (plain @ of_the_loop));
    ("closures that Rust calls", fun () -> run_all of_closures);
    ("callbacks of the engine", in_the_engine);
    ( "another domain",
      fun () ->
        Lwt_rust.Runtime.start ();
        Domain.join (Domain.spawn (fun () -> run_all (plain @ of_a_domain))) );
  ]

let left_out name backtrace =
  match (name, backtrace) with
  | "another domain", _ -> Support.starts_a_domain
  | ("a handler that Rust has set" | "a handler that Rust has set by signal"), _
    ->
      [
        ( Thread_sanitizer,
          "it has a sigaction of its own, which puts handlers on any stack" );
        (Memcheck, "it takes a handler's stack and the fiber's for one");
      ]
  | "plain functions", "1" | _, "0" -> []
  | _ -> [ (Memcheck, "it takes half a minute to read what a backtrace shows") ]

let runs name backtrace () =
  let extra = [ "RUST_BACKTRACE=" ^ backtrace ] in
  Alcotest.(check int)
    "code" 0
    (Program.wait_for (Program.start ~extra name Unix.stderr))

let () =
  match Sys.argv with
  | [| _; name |] when List.mem_assoc name programs ->
      Lwt_rust.on_panic (Some ignore);
      (List.assoc name programs) ()
  | _ ->
      let cases backtrace =
        ( "RUST_BACKTRACE=" ^ backtrace,
          List.concat_map
            (fun (name, _) ->
              Support.left_out (left_out name backtrace)
                [ Alcotest.test_case name `Quick (runs name backtrace) ])
            programs )
      in
      Alcotest.run "fibers" (List.map cases [ "0"; "1"; "full" ])
