type t = {
  domain : int;
  executor : Executor.t;
  mutable alarm : Gc.alarm option;  (** see {!look_for_lost} *)
}

(* The executor that the Lwt loop of this process drives. It is global because Lwt's hooks
   are: they run in any domain that runs a loop, and have to find it. *)
let current : t option Atomic.t = Atomic.make None

(* The executors by domain, from before Rust makes them until they are closed. While Rust
   makes one, the handler of a signal or another thread of the domain may call Rust. That
   code finds the executor here and uses the same one. *)
let all : t list Atomic.t = Atomic.make []
let find domain = List.find_opt (fun t -> t.domain = domain) (Atomic.get all)

let rec forget t =
  let before = Atomic.get all in
  let after = List.filter (( != ) t) before in
  if not (Atomic.compare_and_set all before after) then forget t

let is_here () =
  match Atomic.get current with
  | Some t -> t.domain = Domain_id.self ()
  | None -> false

(* Before the first call that is asynchronous, nobody knows which domain runs the loop. *)
let may_be_here () =
  match Atomic.get current with
  | Some t -> t.domain = Domain_id.self ()
  | None -> Domain.is_main_domain ()

let here () = if is_here () then Atomic.get current else None

(* Whether the loop is sure to resume paused promises before it blocks. That is so after
   the engine has returned, until the next Enter hook. From the Enter hook until the
   engine returns, the loop may be about to block. A finaliser or the handler of a signal
   may call Rust then, so a pause would not be enough. *)
let is_awake = ref false

(* The last pause that was made for [visit]. *)
let coming = ref Lwt.return_unit

(* Lwt handles all notifications that have come together, one after the other. Each of them
   may lead to another one: for example, a call puts an item into a channel, which wakes a
   task that reads it. So after a few of them, the next ones wait for a pause, when the rest
   of the program has had its turn. *)
let most_told = 4

(* How many notifications may still poll in this turn. *)
let told_left = ref most_told

(* The number of polls in one turn, before the rest of the program has its turn. *)
let rounds = 4

(* The loop may run on a thread that has not called Rust. *)
let attached t (state : unit -> Raw.turn) : Raw.turn =
  match state () with
  | Unattached ->
      ignore (Raw.executor_attach t.domain true : bool Raw.outcome);
      state ()
  | (Quiet | Owed | Forked) as turn -> turn

let begin_turn t = attached t Raw.executor_begin_turn

let is_beside_this_thread () =
  match here () with
  | None -> false
  | Some t ->
      ignore (attached t Raw.executor_look : Raw.turn);
      Raw.executor_is_beside_the_loop ()

let is_coming () =
  match Lwt.state !coming with Sleep -> true | Return () | Fail _ -> false

let rec work t rounds =
  if Executor.has_left t.executor then Executor.carry_out_left t.executor;
  if Raw.executor_is_woken () then
    if rounds = 0 then come_back t
    else (
      Executor.poll t.executor;
      work t (rounds - 1))

(* The loop calls it: [Lwt_main.run], or a main loop that does not run Lwt's hooks. *)
and visit t =
  is_awake := true;
  ignore (begin_turn t : Raw.turn);
  try work t rounds
  with exn ->
    let backtrace = Printexc.get_raw_backtrace () in
    come_back t;
    Printexc.raise_with_backtrace exn backtrace

(* Any thread of the domain calls it, but only the thread of the loop may make a pause.
   [Lwt.pause] puts a promise into the list, and reads it again. In another thread, the loop
   may resume the promise in between. Then [Lwt.pause] takes the value of the promise for
   its callbacks, which is a crash; or [Lwt.on_success] runs our callback in that thread,
   or adds it to those that have run already. *)
and come_back t =
  let comes = !is_awake && Lwt.paused_count () > 0 && is_coming () in
  if not comes then
    if !is_awake && Raw.executor_is_thread_of_loop () then pause t
    else Raw.executor_tell ()

and pause t =
  let pause = Lwt.pause () in
  coming := pause;
  Lwt.on_success pause (fun () ->
      (* Lwt 5 has one list of pauses for all domains. If another domain runs this
         callback, our domain looks for work when its loop begins a turn. *)
      told_left := most_told;
      if t.domain = Domain_id.self () then visit t)

(* In a forked child the tasks are missing, so nothing settles the promises of the calls,
   and the child rejects them. The Enter hook only makes a pause for it: if it settled a
   promise itself, the loop would notice that only after it has blocked. *)
let abandon_later t =
  List.iter
    (fun reject -> Lwt.on_success (Lwt.pause ()) reject)
    (Executor.forget_all t.executor)

(* An exception that escapes from the loop may drop a notification or a pause of ours. So
   each turn looks for work that is left. *)
let enter t =
  told_left := most_told;
  (match begin_turn t with
  | Forked -> abandon_later t
  | Owed -> pause t
  | Unattached | Quiet -> if Executor.has_left t.executor then pause t);
  is_awake := Lwt.paused_count () > 0

let has_left () =
  match Atomic.get current with
  | None -> false
  | Some t -> Executor.has_left t.executor

(* The hooks run in each turn, even while the program uses no Rust, so the usual case is
   short. Lwt has one list of hooks for all domains: if another domain runs the loop, the
   thread is [Unattached]. *)

let turns_begun = ref 0
let turns () = !turns_begun

let enter_hook () =
  turns_begun := !turns_begun + 1;
  match Raw.executor_begin_turn () with
  | Quiet when not (has_left ()) -> is_awake := Lwt.paused_count () > 0
  | Quiet | Owed | Unattached | Forked -> Option.iter enter (here ())

let leave_hook () =
  match Raw.executor_begin_turn () with
  | Quiet when not (has_left ()) -> is_awake := true
  | Quiet | Owed -> Option.iter visit (here ())
  | Unattached | Forked -> ()

(* Our Enter hook is the last one, so that it sees the tasks that other hooks have woken.
   Our Leave hook is the first, so that it polls the tasks that the turn has woken before
   the other hooks run. *)
let are_installed = ref false

let install_hooks () =
  if not !are_installed then (
    ignore (Lwt_main.Enter_iter_hooks.add_last enter_hook);
    ignore (Lwt_main.Leave_iter_hooks.add_first leave_hook);
    are_installed := true)

(* OCaml's collector calls it at the end of a major collection, in the middle of any
   code. *)
let look_for_lost t =
  if t.domain = Domain_id.self () && Executor.find_lost t.executor then
    match attached t Raw.executor_look with
    | Forked -> ()
    | Quiet | Owed | Unattached -> Raw.executor_tell ()

let delete_alarm t = Option.iter Gc.delete_alarm t.alarm

let close t =
  forget t;
  delete_alarm t;
  (* This thread may not have used the executor before. *)
  ignore (Raw.executor_attach t.domain true : bool Raw.outcome);
  Atomic.set current None;
  Executor.close t.executor

let close_if_current t =
  match Atomic.get current with
  | Some current when current == t -> close t
  | Some _ | None -> ()

(* Completes an executor that Rust has made. A signal handler that interrupts this may call
   it, too. If an exception interrupts it, the next call calls it again. So each step may
   be done twice. *)
let finish t =
  install_hooks ();
  if Option.is_none t.alarm then
    t.alarm <- Some (Gc.create_alarm (fun () -> look_for_lost t));
  if not (Domain.is_main_domain ()) then (
    Domain_end.run (fun () -> close_if_current t);
    Domain_end.keep (Outcome.get (Raw.executor_life None)));
  (* Rust has refused the other executors of the list, or their domains have ended without
     closing them. *)
  List.iter
    (fun other -> if other != t then delete_alarm other)
    (Atomic.exchange all [ t ]);
  Atomic.set current (Some t)

let has_made executor =
  match find (Domain_id.self ()) with
  | Some t when t.executor == executor ->
      finish t;
      true
  | Some _ | None -> false

let work_when_told t =
  if Executor.has_lost t.executor then
    Fun.protect
      ~finally:(fun () -> visit t)
      (fun () -> Executor.drop_lost t.executor)
  else if !told_left > 0 then (
    decr told_left;
    visit t)
  else (
    is_awake := true;
    ignore (begin_turn t : Raw.turn);
    come_back t)

let told domain =
  if domain = Domain_id.self () then
    match find domain with
    | None -> ()
    | Some t ->
        if not (is_here ()) then finish t;
        work_when_told t

let make domain =
  let rec t =
    lazy
      {
        domain;
        executor =
          Executor.make ~is_of_lwt:true (fun () -> come_back (Lazy.force t));
        alarm = None;
      }
  in
  Lazy.force t

let rec begin_to_make domain =
  let before = Atomic.get all in
  match find domain with
  | Some t -> t
  | None ->
      let t = make domain in
      if Atomic.compare_and_set all before (t :: before) then t
      else begin_to_make domain

let is_ending =
  Invalid_argument
    "this domain is ending: asynchronous Rust functions can be called in its \
     hooks with Lwt_rust.Executor.run"

let create domain =
  if Domain_end.has_begun () then raise is_ending;
  let t = begin_to_make domain in
  let notification = Lwt_unix.make_notification (fun () -> told domain) in
  match Raw.executor_create domain (Some notification) t.executor with
  | Ready (_ : Unix.file_descr option) -> if not (is_here ()) then finish t
  | Failed (exn, backtrace) ->
      forget t;
      Failure.raise (exn, backtrace)

let attach () =
  let domain = Domain_id.self () in
  if not (Outcome.get (Raw.executor_attach domain true)) then create domain

(* The promise of the first call of [shutdown]. *)
let shutting_down : unit Lwt.t option ref = ref None

let stop_runtime patience =
  let stopped, resolver = Lwt.wait () in
  let notification =
    Lwt_unix.make_notification ~once:true (fun () ->
        Lwt.wakeup_later resolver ())
  in
  Outcome.get (Raw.runtime_stop notification patience);
  stopped

(* In seconds: enough for threads that do not block. *)
let least_patience = 0.1

let drain t timeout =
  match (Raw.call_drain timeout : (unit, Executor.t) Raw.call) with
  | Returned_unit | Returned () -> Lwt.return_unit
  | Raised (exn, _) -> Lwt.fail exn
  | Pending { call = id; _ } as call ->
      let promise =
        Executor.wait t.executor id ~on_cancel:(fun () ->
            Executor.cancelled t.executor id)
      in
      Executor.begin_call call;
      promise

let shutdown timeout =
  let start = Unix.gettimeofday () in
  let stop () =
    let left = timeout -. (Unix.gettimeofday () -. start) in
    stop_runtime (max least_patience left)
  in
  (* Continuations of the promises that are rejected may make calls. Without this, such a
     call would make another executor. *)
  let refuse_calls () = Outcome.get (Raw.runtime_refuse ()) in
  match Atomic.get current with
  | None ->
      refuse_calls ();
      stop ()
  | Some t ->
      Lwt.bind (drain t timeout) (fun () ->
          refuse_calls ();
          (* A continuation may raise. The runtime is stopped all the same. *)
          let close () = Lwt.return (close_if_current t) in
          let closed = Lwt.apply close () in
          Lwt.bind (stop ()) (fun () -> closed))

let shutdown ~timeout =
  if not (timeout >= 0. && timeout <= 1e9) then
    invalid_arg
      "Lwt_rust.Runtime.shutdown: the timeout must be between 0 and 1e9 seconds";
  match !shutting_down with
  | Some promise -> Lwt.no_cancel promise
  | None ->
      (match Atomic.get current with
      | Some t when t.domain <> Domain_id.self () ->
          invalid_arg
            "Lwt_rust.Runtime.shutdown: only the domain that runs the Lwt loop \
             can shut Rust down"
      | Some _ | None -> ());
      let promise = shutdown timeout in
      shutting_down := Some promise;
      Lwt.no_cancel promise
