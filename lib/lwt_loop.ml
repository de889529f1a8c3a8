type t = { domain : int; executor : Executor.t }

(* The one of this process. Lwt's hooks are global too; they have to find it
   without knowing the domain. *)
let current : t option Atomic.t = Atomic.make None

let is_here () =
  match Atomic.get current with
  | Some t -> t.domain = Domain_id.self ()
  | None -> false

let here () = if is_here () then Atomic.get current else None

(* Of the loop, whichever domain runs it. The hooks find it at once. *)
let turn = Outcome.get (Raw.executor_lwt_turn ())

(* Between the Enter and the Leave hook of [Lwt_main.run]. *)
let is_in_turn () = turn.{Raw.turn_thread} <> 0

(* A loop may be run by a thread that has never called Rust. *)
let begin_turn t : Raw.begun =
  match Raw.executor_begin_turn () with
  | Unattached when t.domain = Domain_id.self () ->
      ignore (Raw.executor_attach t.domain true : bool Raw.outcome);
      Raw.executor_begin_turn ()
  | (Quiet | News | Unattached | Forked) as begun -> begun

(* At most this many polls before the rest of the program has its turn. *)
let rounds = 4

(* In a turn that goes on. *)
let rec work t rounds =
  Executor.settle t.executor;
  if rounds > 0 && Raw.executor_is_woken () then (
    Executor.poll t.executor;
    work t (rounds - 1))

let rec come_back t =
  Lwt.on_success (Lwt.pause ()) (fun () ->
      (* Lwt 5 pauses for any domain. Ours looks when it begins a turn. *)
      if t.domain = Domain_id.self () then visit t)

(* Called by the loop, in a turn of [Lwt_main.run] or of a foreign main loop that
   does not run Lwt's hooks. *)
and visit t =
  if is_in_turn () then (* the Leave hook ends the turn *) work t rounds
  else (
    ignore (begin_turn t : Raw.begun);
    end_turn t settle_first)

(* [Fun.protect] would allocate two closures in every turn. *)
and end_turn t how =
  try how t rounds
  with exn ->
    let backtrace = Printexc.get_raw_backtrace () in
    close_turn t;
    Printexc.raise_with_backtrace exn backtrace

and settle_first t rounds =
  Failure.leave ();
  Executor.settle t.executor;
  if Raw.executor_finish_turn () then poll_first t rounds

(* What is woken then is seen without a notification: the turn is not over. *)
and poll_first t rounds =
  if rounds = 0 then close_turn t
  else (
    Executor.poll t.executor;
    settle_first t (rounds - 1))

and close_turn t =
  if Raw.executor_end_turn () || Executor.has_completions t.executor then
    come_back t

(* The tasks are not in this process, so nothing will settle what waits for them.
   Not now: a promise that an Enter hook settles is seen only after the loop has
   blocked. *)
let abandon_later t =
  List.iter
    (fun reject -> Lwt.on_success (Lwt.pause ()) reject)
    (Executor.forget_all t.executor)

(* What is left from before would not be seen if the loop blocked now. An exception
   that has left the loop may have taken a notification or a pause of ours with it. *)
let enter t =
  match begin_turn t with
  | Forked -> abandon_later t
  | Unattached | Quiet -> ()
  | News ->
      let is_owed =
        Raw.executor_is_woken () || Executor.has_completions t.executor
      in
      if is_owed && Lwt.paused_count () = 0 then
        (* The Leave hook sees to it. *)
        ignore (Lwt.pause () : unit Lwt.t)

let leave t =
  if Executor.has_completions t.executor || Failure.has_escaped () then
    end_turn t settle_first
  else if Raw.executor_finish_turn () then end_turn t poll_first

(* A loop that uses no Rust now pays for the hooks in each turn, so what follows
   [Quiet] and what looks for news is all that it does. The loop may be another
   domain's: Lwt has one list of hooks for all of them. *)

let enter_hook () =
  match Raw.executor_begin_turn () with
  | Quiet -> ()
  | News | Unattached | Forked -> Option.iter enter (here ())

let leave_hook () =
  if turn.{Raw.turn_news} = 0 then turn.{Raw.turn_thread} <- 0
  else Option.iter leave (here ())

(* The last to see what the others have woken before the loop may block, and the
   first to do what the turn has woken. *)
let install_hooks =
  let hooks =
    lazy
      (ignore (Lwt_main.Enter_iter_hooks.add_last enter_hook);
       ignore (Lwt_main.Leave_iter_hooks.add_first leave_hook))
  in
  fun () -> Lazy.force hooks

let close t =
  (* To this thread: perhaps only others have used it. *)
  ignore (Raw.executor_attach t.domain true : bool Raw.outcome);
  Outcome.get (Raw.executor_close ());
  Atomic.set current None;
  Executor.abandon_all t.executor

let close_if_current t =
  match Atomic.get current with
  | Some current when current == t -> close t
  | Some _ | None -> ()

let create domain =
  let executor = Executor.make () in
  let notification =
    Lwt_unix.make_notification (fun () -> Option.iter visit (here ()))
  in
  ignore
    (Outcome.get
       (Raw.executor_create domain (Some notification) executor
          (Executor.completions executor))
      : Unix.file_descr option);
  let t = { domain; executor } in
  Atomic.set current (Some t);
  install_hooks ();
  Domain_end.run (fun () -> close_if_current t)

let attach () =
  let domain = Domain_id.self () in
  if not (Outcome.get (Raw.executor_attach domain true)) then create domain

(* Forever, from the first call of [shutdown]. *)
let shutting_down : unit Lwt.t option ref = ref None

let stop_runtime patience =
  let stopped, resolver = Lwt.wait () in
  let notification =
    Lwt_unix.make_notification ~once:true (fun () ->
        Lwt.wakeup_later resolver ())
  in
  Outcome.get (Raw.runtime_stop notification patience);
  stopped

(* Long enough for threads that do not block. *)
let least_patience = 0.1

let drain t deadline =
  match (Raw.call_drain deadline : (unit, Executor.t) Raw.call) with
  | Returned_unit | Returned () -> Lwt.return_unit
  | Raised (exn, _) -> Lwt.fail exn
  | Pending { slot; executor = _ } ->
      Executor.wait t.executor slot ~on_cancel:(fun () ->
          Executor.cancel t.executor slot)

let shutdown deadline =
  let start = Unix.gettimeofday () in
  let stop () =
    let left = deadline -. (Unix.gettimeofday () -. start) in
    stop_runtime (max least_patience left)
  in
  match Atomic.get current with
  | None -> stop ()
  | Some t ->
      Lwt.bind (drain t deadline) (fun () ->
          (* A continuation may raise: the rest is stopped all the same. *)
          let close () = Lwt.return (close_if_current t) in
          let closed = Lwt.apply close () in
          Lwt.bind (stop ()) (fun () -> closed))

let shutdown ~deadline =
  if not (deadline >= 0. && deadline <= 1e9) then
    invalid_arg
      "Lwt_rust.Runtime.shutdown: the deadline must be between 0 and 1e9 \
       seconds";
  match !shutting_down with
  | Some promise -> Lwt.no_cancel promise
  | None ->
      (match Atomic.get current with
      | Some t when t.domain <> Domain_id.self () ->
          invalid_arg
            "Lwt_rust.Runtime.shutdown: only the domain that runs the Lwt loop \
             can shut Rust down"
      | Some _ | None -> ());
      let promise = shutdown deadline in
      shutting_down := Some promise;
      Lwt.no_cancel promise
