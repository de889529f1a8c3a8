(** Functions for all tests. *)

(** {1 Where tests run}

    The programs that [test/dune] names run native, as bytecode, under valgrind
    ([dev/memcheck]) and under ThreadSanitizer ([dev/tsan]). A program or a case
    that cannot run in one of these is marked with {!left_out}. *)

type check = Bytecode | Memcheck | Thread_sanitizer

let is_under = function
  | Bytecode -> Sys.backend_type = Bytecode
  | Memcheck -> Sys.getenv_opt "LWT_RUST_CHECK" = Some "memcheck"
  | Thread_sanitizer -> Sys.getenv_opt "LWT_RUST_CHECK" = Some "tsan"

(** [left_out exceptions cases] is [cases]. Under one of the checks in
    [exceptions] it is no case, and prints the reason. *)
let left_out exceptions cases =
  match List.find_opt (fun (check, _) -> is_under check) exceptions with
  | None -> cases
  | Some (_, reason) ->
      let print (name, _, _) =
        Printf.printf "left out: %s, since %s\n%!" name reason
      in
      List.iter print cases;
      []

(** [run ~left_out name groups] runs a program that some checks leave out. *)
let run ~left_out:exceptions name groups =
  Alcotest.run name
    (List.map (fun (group, cases) -> (group, left_out exceptions cases)) groups)

(** OCaml puts the stacks of a new domain side by side. Memcheck does not see
    that OCaml switches from one stack to another, and takes the memory between
    them for popped frames. *)
let starts_a_domain = [ (Memcheck, "it starts a domain") ]

(** {1 Calls} *)

let promise_of = Lwt_rust.Call.promise [@alert "-lwt_rust_generated"]

(** {1 Cases} *)

(* Some checks run a program up to a hundred times slower. *)
let patience =
  if is_under Memcheck || is_under Thread_sanitizer then 400. else 60.

(** [case name body] is a test case whose body is a promise. The case fails if
    the promise is pending after a minute. *)
let case name body =
  Alcotest.test_case name `Quick (fun () ->
      Lwt_main.run
        (Lwt.pick
           [
             Lwt.bind (Lwt_unix.sleep patience) (fun () ->
                 Alcotest.failf "still waiting after %g seconds" patience);
             body ();
           ]))

(** [result p] is the value or the exception of [p]. It is never rejected. *)
let result p =
  Lwt.try_bind
    (fun () -> p)
    (fun value -> Lwt.return (Ok value))
    (fun exn -> Lwt.return (Error exn))

(** [contains text part] is whether [part] stands somewhere in [text]. *)
let contains text part =
  let last = String.length text - String.length part in
  let rec is_at i =
    i <= last && (String.sub text i (String.length part) = part || is_at (i + 1))
  in
  is_at 0

(** [fails_with part f] checks that [f ()] raises an error of Rust's, or a
    panic, whose message contains [part]. *)
let fails_with part f =
  match f () with
  | _ -> Alcotest.failf "no error with %s" part
  | exception (Lwt_rust.Error { message; _ } | Lwt_rust.Panic { message; _ }) ->
      Alcotest.(check bool)
        (part ^ " in " ^ message)
        true (contains message part)

(** [rejects_with part p] checks the same of the rejection of [p]. *)
let rejects_with part p =
  Lwt.map
    (fun result ->
      fails_with part (fun () -> Result.fold ~ok:ignore ~error:raise result))
    (result p)

let pauses n =
  let rec go n =
    if n = 0 then Lwt.return_unit
    else Lwt.bind (Lwt.pause ()) (fun () -> go (n - 1))
  in
  go n

let is_pending p = Lwt.state p = Lwt.Sleep
let check_int = Alcotest.(check int)
let check_bool = Alcotest.(check bool)
let check_string = Alcotest.(check string)

(** [collect ()] makes the collector find what nobody needs. *)
let collect () =
  for _ = 1 to 3 do
    Gc.full_major ()
  done

(** [leaves_nothing ~others round] runs [round] again and again. More rounds
    leave no more than the first two: of what [Lwt_rust.Debug.live] counts, and
    of what [others] counts. *)
let leaves_nothing ?(others = fun () -> []) round =
  let open Lwt.Syntax in
  let live () =
    collect ();
    let { Lwt_rust.Debug.tasks; promises; roots; descriptors } =
      Lwt_rust.Debug.live ()
    in
    tasks :: promises :: roots :: descriptors :: others ()
  in
  let rec rounds n =
    if n = 0 then Lwt_unix.sleep 0.01
    else
      let* () = round () in
      rounds (n - 1)
  in
  (* A thread of tokio's may have to end something. *)
  let rec compare_with before patience =
    let now = live () in
    if now = before || patience = 0 then
      Lwt.return (Alcotest.(check (list int)) "live" before now)
    else
      let* () = Lwt_unix.sleep 0.01 in
      compare_with before (patience - 1)
  in
  let* () = rounds 2 in
  let before = live () in
  let* () = rounds 20 in
  compare_with before 500

(** [resident ()] is the resident memory of the process in kilobytes, if the
    system tells it. *)
let resident () =
  match In_channel.with_open_bin "/proc/self/statm" In_channel.input_all with
  | line -> Scanf.sscanf line "%d %d" (fun _ pages -> pages * 4)
  | exception Sys_error _ -> 0

(** [expect name promise check] waits for [promise] to reject with an exception
    that [check] accepts. *)
let expect name promise check =
  Lwt.bind (result promise) (function
    | Ok _ -> Alcotest.failf "%s: expected a rejection" name
    | Error exn ->
        if not (check exn) then
          Alcotest.failf "%s: rejected with %s" name (Printexc.to_string exn);
        Lwt.return_unit)

(** [still_works ()] checks that the executor goes on. *)
let still_works () = Lwt.map (check_int "the next call" 11) (Rust.yield 2 11)

(** {1 Interruptions} *)

(* Calls [f] in the middle of [body], at its [n]th allocation, as OCaml may call the
   handler of a signal there. Returns whether there were so many allocations. *)
let interrupted n f body =
  let left = ref n in
  let alloc (_ : Gc.Memprof.allocation) =
    decr left;
    if !left = -1 then f ();
    None
  in
  let tracker =
    {
      Gc.Memprof.null_tracker with
      alloc_minor = alloc;
      alloc_major = (fun allocation -> alloc allocation);
    }
  in
  ignore (Gc.Memprof.start ~sampling_rate:1. tracker);
  Fun.protect ~finally:Gc.Memprof.stop body;
  !left < 0

(* Some versions of OCaml have no [Gc.Memprof]. *)
let has_memprof () =
  match interrupted 0 ignore ignore with
  | (_ : bool) -> true
  | exception Failure _ -> false
