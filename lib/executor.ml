type pending = Vacant | Awaited : 'a Lwt.u -> pending

type t = {
  mutable resolvers : pending array;  (** by the slots of the calls *)
  completions : Obj.t array;
      (** Written by Rust during a poll, in pairs: the slot, doubled, plus one
          for a rejection; and the value or the exception. *)
  mutable stored : int;  (** the completions of the last poll *)
  mutable read : int;  (** those of them that were read *)
  mutable in_turn : bool;
      (** between the Enter and the Leave hook of [Lwt_main.run] *)
  mutable comes_back : bool;  (** a pause will run [visit] *)
}

(* At most this many polls, of at most [completions_size / 2] tasks each, before
   the rest of the program has its turn. *)
let rounds = 4

(* The archive refuses any other size. *)
let completions_size = 256

(* Reads the completions of the last poll. A continuation may raise (what
   [Lwt.async_exception_hook] raises, or what Lwt's exception filter lets
   through): then it leaves by the loop, as it would without us, and the rest is
   read at the next turn. *)
let rec settle t =
  if t.read < t.stored then (
    let at = 2 * t.read in
    let key : int = Obj.obj t.completions.(at) in
    let value = t.completions.(at + 1) in
    t.completions.(at + 1) <- Obj.repr ();
    t.read <- t.read + 1;
    let slot = key lsr 1 in
    let pending = t.resolvers.(slot) in
    t.resolvers.(slot) <- Vacant;
    (match pending with
    | Vacant -> (* cancelled after the task had completed *) ()
    | Awaited resolver ->
        (* Not [wakeup_later], which an exception that has left Lwt's resolution
           loop once defers for ever. *)
        if key land 1 = 0 then Lwt.wakeup resolver (Obj.obj value)
        else Lwt.wakeup_exn resolver (Obj.obj value : exn));
    settle t)

let rec work t rounds =
  settle t;
  if rounds > 0 && Raw.executor_is_woken () then (
    let stored = Outcome.get (Raw.executor_poll ()) in
    t.read <- 0;
    t.stored <- stored;
    work t (rounds - 1))

let rec come_back t =
  if not t.comes_back then (
    t.comes_back <- true;
    Lwt.on_success (Lwt.pause ()) (fun () ->
        t.comes_back <- false;
        visit t))

(* Called by the loop, in a turn of [Lwt_main.run] or of a foreign main loop that
   does not run Lwt's hooks. *)
and visit t =
  if t.in_turn then (* the Leave hook ends the turn *) work t rounds
  else (
    ignore (Raw.executor_begin_turn () : Raw.turn);
    end_turn t)

(* [Fun.protect] would allocate two closures in every turn. *)
and end_turn t =
  match work t rounds with
  | () -> close_turn t
  | exception exn ->
      let backtrace = Printexc.get_raw_backtrace () in
      close_turn t;
      Printexc.raise_with_backtrace exn backtrace

and close_turn t =
  if Raw.executor_end_turn () || t.read < t.stored then come_back t

(* The tasks are not in this process, so nothing will settle what waits for them.
   Not now: a promise that an Enter hook settles is seen only after the loop has
   blocked. *)
let abandon t =
  let pending = t.resolvers in
  if Array.exists (function Vacant -> false | Awaited _ -> true) pending then (
    t.resolvers <- Array.make (Array.length pending) Vacant;
    let reject = function
      | Vacant -> ()
      | Awaited resolver ->
          Lwt.on_success (Lwt.pause ()) (fun () ->
              Lwt.wakeup_exn resolver Errors.Abandoned)
    in
    Array.iter reject pending)

let enter_hook t () =
  match Raw.executor_begin_turn () with
  | Forked -> abandon t
  | (Idle | Woken) as turn ->
      t.in_turn <- true;
      (* What is left from before would not be seen if the loop blocked now. *)
      if turn = Woken || t.read < t.stored then come_back t

let leave_hook t () =
  t.in_turn <- false;
  end_turn t

let create domain =
  let t =
    {
      resolvers = Array.make 16 Vacant;
      completions = Array.make completions_size (Obj.repr ());
      stored = 0;
      read = 0;
      in_turn = false;
      comes_back = false;
    }
  in
  let notification = Lwt_unix.make_notification (fun () -> visit t) in
  Outcome.get (Raw.executor_create domain notification t t.completions);
  (* The last to see what the others have woken before the loop may block, and
     the first to do what the turn has woken. *)
  ignore (Lwt_main.Enter_iter_hooks.add_last (enter_hook t));
  ignore (Lwt_main.Leave_iter_hooks.add_first (leave_hook t))

let attach () =
  let domain = Domain_id.self () in
  if not (Outcome.get (Raw.executor_attach domain)) then create domain

let make_room t slot =
  let size = Array.length t.resolvers in
  if slot >= size then (
    let resolvers = Array.make (max (slot + 1) (2 * size)) Vacant in
    Array.blit t.resolvers 0 resolvers 0 size;
    t.resolvers <- resolvers)

let wait t slot =
  let promise, resolver = Lwt.task () in
  make_room t slot;
  t.resolvers.(slot) <- Awaited resolver;
  Lwt.on_cancel promise (fun () ->
      t.resolvers.(slot) <- Vacant;
      Outcome.get (Raw.call_cancel slot));
  promise
