(* Closures that do more than return a promise: they block their thread, run a loop,
   perform effects, and look at the values of their call. *)

open Effect.Deep
open Lwt.Syntax

exception Wrong of string

let check name condition = if not condition then raise (Wrong name)
let pausing n = Lwt.map (fun () -> n) (Lwt.pause ())
let one_of all = List.nth all (Random.int (List.length all))

(* [begun name call closure] makes Rust call [closure], which adds one. [added] awaits it. *)
let begun name call closure =
  let n = Random.int 1_000_000 in
  (name, n, call closure n)

let added (name, n, call) = Lwt.map (fun m -> check name (m = n + 1)) call
let called name call closure = added (begun name call closure)

(* {1 Threads} *)

let blocks n =
  Thread.delay 0.0002;
  Lwt.return (n + 1)

(* The thread is in the closure until the loop has done something. *)
let blocks_until_the_loop_is_there n =
  Lwt_preemptive.run_in_main (fun () -> Rust.yield 2 ());
  Lwt.return (n + 1)

(* Only the thread of the loop adds callbacks to the promise: Lwt is not thread-safe. *)
let in_a_thread () =
  let job () =
    match Random.int 3 with
    | 0 -> begun "a thread" Rust.call blocks
    | 1 -> begun "a thread, later" Rust.call_later blocks
    | _ ->
        begun "a thread and the loop" Rust.call blocks_until_the_loop_is_there
  in
  let* call = Lwt_preemptive.detach job () in
  added call

(* {1 Loops} *)

let rec run_by_hand promise =
  match Lwt.state promise with
  | Return value -> value
  | Fail exn -> raise exn
  | Sleep ->
      Lwt_engine.iter false;
      Lwt.wakeup_paused ();
      run_by_hand promise

(* [in_a_closure f] makes Rust call [f] outside of any loop. A loop inside [f] would not see
   the promises that an outer loop is about to resume. That is so in Lwt alone, too. *)
let in_a_closure f =
  let closure n =
    f ();
    Lwt.return n
  in
  match Lwt.state (Rust.call closure 7) with
  | Return n -> check "a loop" (n = 7)
  | Fail exn -> raise exn
  | Sleep -> raise (Wrong "a loop, which is not over")

(* A callback calls the closure here. Until the callback returns, Lwt defers the effects of
   [Lwt.wakeup_later]. So the loop must not wait for a promise that depends on them. *)
let in_a_closure_later () =
  let closure n =
    let sums = Lwt.all (List.init 100 (fun _ -> Rust.sum pausing 10)) in
    check "sums" (List.for_all (( = ) 45) (Lwt_main.run sums));
    Lwt.return n
  in
  check "a loop, later" (run_by_hand (Rust.call_later closure 7) = 7)

(* {1 Effects} *)

type _ Effect.t +=
  | Await : 'a Lwt.t -> 'a Effect.t
  | Outside : (unit -> 'a) -> 'a Effect.t
  | Leave : unit Effect.t

let await promise = Effect.perform (Await promise)

(* [fiber f] is the result of [f], which may await promises through effects. *)
let fiber f =
  let promise, resolver = Lwt.wait () in
  let effc : type a. a Effect.t -> ((a, unit) continuation -> unit) option =
    function
    | Await promise ->
        Some (fun rest -> Lwt.on_any promise (continue rest) (discontinue rest))
    | _ -> None
  in
  match_with f ()
    { retc = Lwt.wakeup resolver; exnc = Lwt.wakeup_exn resolver; effc };
  promise

(* Rust calls the closure in the fiber, which goes on in a later turn. *)
let a_fiber_around () =
  let closure n = Lwt.return (await (pausing n) + 1) in
  fiber (fun () -> await (called "a fiber around" Rust.call closure))

(* Each closure is a fiber. *)
let a_fiber_within () =
  let closure n =
    fiber (fun () ->
        let n = await (pausing n) in
        await (Rust.yield 2 (n + 1)))
  in
  let call = one_of [ Rust.call; Rust.call_later ] in
  called "a fiber within" call closure

(* The effect leaves all loops. *)
let outside () =
  let closure n =
    Effect.perform (Outside (fun () -> Rust.call Lwt.return (n + 1)))
  in
  let call = one_of [ Rust.call; Rust.call_later ] in
  called "outside" call closure

(* [around f] handles [Outside]. *)
let around f =
  let effc : type a b. a Effect.t -> ((a, b) continuation -> b) option =
    function
    | Outside f -> Some (fun rest -> continue rest (f ()))
    | _ -> None
  in
  match_with f () { retc = Fun.id; exnc = raise; effc }

(* Libev calls OCaml from C, and effects do not cross C frames. So this uses [select]. *)
let with_an_engine_in_ocaml f =
  let old = Lwt_engine.get () in
  Lwt_engine.set ~transfer:true ~destroy:false (new Lwt_engine.select);
  f ();
  Lwt_engine.set ~transfer:true ~destroy:true old

let leaving n =
  Effect.perform Leave;
  Lwt.return n

(* [left f] calls [f] until it performs [Leave], and never resumes it. *)
let left f =
  let has_left = ref false in
  let effc : type a. a Effect.t -> ((a, unit) continuation -> unit) option =
    function
    | Leave -> Some (fun _ -> has_left := true)
    | _ -> None
  in
  match_with f () { retc = Fun.id; exnc = raise; effc };
  check "it has left" !has_left

(* The closure is never resumed, outside of any loop. The task waits for ever. *)
let never_resumed () = left (fun () -> Lwt.ignore_result (Rust.call leaving 7))

(* The closure is never resumed, and the call is cancelled. Lwt counts callbacks that do not
   return. *)
let never_resumed_and_cancelled () =
  let call = Rust.call_later leaving 7 in
  left (fun () -> ignore (run_by_hand call : int));
  for _ = 1 to 10 do
    Lwt.abandon_wakeups ()
  done;
  Lwt.cancel call

(* {1 Values} *)

let key = Lwt.new_key ()

(* The closure sees the value of its call at each of its steps. *)
let a_value () =
  let value = if Random.int 5 = 0 then None else Some (Random.bits ()) in
  let sees place = check place (Lwt.get key = value) in
  let closure n =
    sees "its value";
    let* () = Lwt.pause () in
    sees "its value after a pause";
    let+ () = one_of [ Rust.yield 1; Rust.sleep 0 ] () in
    sees "its value after a call";
    n + 1
  in
  let add call closure n = Lwt.map (fun m -> m + n) (call closure 1) in
  let call =
    one_of
      [
        Rust.call;
        Rust.call_later;
        Rust.call_from_a_task;
        add Rust.sum_on_tokio;
        add Rust.sum_of_tasks;
      ]
  in
  Lwt.with_value key value (fun () -> called "with a value" call closure)
