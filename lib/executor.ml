type t = {
  calls : Calls.t;
  left : Left.t;
      (** An action may block or never return. So the first code that gets here,
          such as the next turn, carries out those that follow it. *)
  mutable rounds : int;
      (** how long a run of actions may become now, see {!most}. What an action
          calls, such as a continuation that calls Rust, goes on with the run of
          that action. *)
  come_back : unit -> unit;  (** see {!make} *)
  is_of_lwt : bool;
}

(* The longest run of actions of which each follows from the one before it. After that,
   the rest of the program has its turn. *)
let most = 256

let make ~is_of_lwt come_back =
  {
    calls = Calls.make ();
    left = Left.make ();
    rounds = most;
    come_back;
    is_of_lwt;
  }

let has_left t = not (Left.is_empty t.left)

(* {1 Promises that Rust awaits} *)

(* For example, a task races each request with one long-lived promise, and gives the
   promise up each time. Lwt cannot remove a callback of [on_any], so callbacks would
   pile up on that promise. Therefore, once Rust has given up a pending promise,
   [await] uses a [Lwt.protected] promise in place of each. To cancel that one removes
   its callbacks. It is slower, so it is not done before. *)
let gives_up = ref false

let give_up promise ~is_removable ~cancels =
  if is_removable then (
    let promise, in_its_place = (Obj.obj promise : _ Lwt.t * _ Lwt.t) in
    Lwt.cancel in_its_place;
    if cancels then Lwt.cancel promise)
  else
    let promise : _ Lwt.t = Obj.obj promise in
    if cancels then Lwt.cancel promise;
    match Lwt.state promise with
    | Sleep -> gives_up := true
    | Return _ | Fail _ -> ()

(* In an action that gives up a promise, when OCaml has begun. *)
let given_up = Obj.repr ()

let no_loop =
  Invalid_argument
    "a pending Lwt promise in a domain that runs no Lwt loop: nothing can \
     settle it there; call the function in the domain of the loop \
     (lwt_rust::LwtFn::in_domain, Lwt_rust.Executor.run_in_lwt)"

let answer_exn wait exn backtrace =
  Raw.wait_reject wait (Errors.show exn backtrace) true

(* {1 Actions} *)

let next : Raw.actions -> Raw.actions = function
  | Nothing | Come_back | Raise _ -> Nothing
  | Call { next; _ }
  | Observe { next; _ }
  | Cancel { next; _ }
  | Forget { next; _ }
  | Settle { next; _ }
  | Report { next } ->
      next

let resolve_wait wait value = Raw.wait_resolve wait value false
let reject_wait wait exn = Raw.wait_reject wait (Errors.show exn None) false

(* Leaves actions. The caller has to make the loop come back. *)
let add_left t actions =
  match (actions : Raw.actions) with
  | Nothing -> ()
  | _ -> Left.add_last t.left actions

(* Leaves an action to the thread of the loop. *)
let for_the_loop t action : Raw.actions =
  add_left t action;
  t.come_back ();
  Nothing

(* [exn] was raised just now, by the code that settles [wait], or by a handler. [next] are
   the actions that follow, if the wait is settled already. Returns the actions that
   follow. If the exception is not for the task, raising it is one of them. *)
let rec failed t wait exn ~is_settled next : Raw.actions =
  let backtrace = Printexc.get_raw_backtrace () in
  let is_settled = ref is_settled and next = ref next in
  try
    let was_settled = !is_settled in
    if not was_settled then (
      let shown = Errors.show exn (Some backtrace) in
      next := Raw.wait_reject wait shown true;
      is_settled := true);
    if (not was_settled) && Lwt.Exception_filter.run exn then !next
    else (
      (* Lwt does not catch this exception, or nobody waits for it: it goes on. *)
      add_left t !next;
      next := Nothing;
      t.come_back ();
      Raise (exn, Some backtrace))
  with interruption ->
    let its_backtrace = Printexc.get_raw_backtrace () in
    if !is_settled then add_left t !next
    else add_left t (failed t wait exn ~is_settled:false Nothing);
    t.come_back ();
    Raise (interruption, Some its_backtrace)

(* [exn] was raised while [hand] was in hand: by an action, or by the handler of a
   signal. *)
let interrupted t (hand : Raw.actions) ~has_begun exn =
  let backtrace = Printexc.get_raw_backtrace () in
  let left : Raw.actions =
    match hand with
    | (Call { wait; _ } | Observe { wait; _ }) when has_begun ->
        failed t wait exn ~is_settled:false Nothing
    | Settle { call; _ } when call = Calls.taken -> Nothing
    | Settle action when has_begun -> Settle { action with next = Nothing }
    | (Cancel { promise; _ } | Forget { promise; _ }) when promise == given_up
      ->
        Nothing
    | Cancel action when has_begun -> Cancel { action with next = Nothing }
    | Forget action when has_begun -> Forget { action with next = Nothing }
    | Report _ when has_begun -> Report { next = Nothing }
    | actions -> actions
  in
  add_left t left;
  if has_left t then t.come_back ();
  match hand with
  | (Call _ | Observe _) when has_begun -> ()
  | _ -> Printexc.raise_with_backtrace exn backtrace

let ignored = ref false

(* A chain that {!carry_out} has in hand, and how many rounds its actions have left. *)
type in_hand = { chain : Left.chain; its_rounds : int }

(* The handler of a signal may raise wherever OCaml allocates, calls a function or repeats
   a loop. Then no action must be lost: one that has not begun is left, and the task that
   waits for a closure gets the exception. So [stub] is called where the exception is
   caught already, and its result goes into [hand] at once. [stub] is given the last two
   arguments.

   [here] is the context of the running code, or [Nowhere] if it is not known. *)
let rec carry_out : type a b.
    t -> Raw.context -> (a -> b -> Raw.actions) -> a -> b -> unit =
 fun t here stub a b ->
  let hand = ref Raw.Nothing in
  (* If so, [hand] is one action that has begun. Those after it are in a chain. *)
  let has_begun = ref false in
  let outer = t.rounds in
  let chains = ref [] in
  try
    hand := stub a b;
    while !hand != Raw.Nothing || !chains != [] do
      match !hand with
      | Nothing -> (
          match !chains with
          | [] -> ()
          | { chain; its_rounds } :: others -> (
              match chain.actions with
              | Nothing ->
                  Left.forget t.left chain;
                  chains := others
              | action ->
                  let next = next action in
                  (* Another thread may have taken the chain meanwhile. *)
                  if chain.actions == action then (
                    chain.actions <- next;
                    chain.is_reserved <- false;
                    hand := action;
                    has_begun := true;
                    t.rounds <- its_rounds - 1;
                    hand := perform t here action;
                    has_begun := false)))
      (* The next two cases are those of most turns. *)
      | Call
          {
            closure;
            argument;
            wait;
            context = Within _ as context;
            next = Nothing;
          }
        when context == here && t.rounds > 0 ->
          t.rounds <- t.rounds - 1;
          has_begun := true;
          hand := call t here ~is_settled:ignored closure argument wait;
          has_begun := false
      | Settle { next = Nothing; _ } as action ->
          Calls.settle t.calls action;
          hand := Nothing
      | Come_back ->
          hand := Nothing;
          t.come_back ()
      | Raise (exn, backtrace) ->
          hand := Nothing;
          Failure.raise (exn, backtrace)
      | actions when t.rounds = 0 ->
          Left.add_last t.left actions;
          hand := Nothing;
          t.come_back ()
      | actions -> (
          match next actions with
          | Nothing ->
              t.rounds <- t.rounds - 1;
              has_begun := true;
              hand := perform t here actions;
              has_begun := false
          | _ ->
              (* This thread carries out the first action, unless an exception comes: the
                 closure of a call runs on the thread that has made the call. *)
              let chain = { Left.actions; is_reserved = true } in
              let in_hand = { chain; its_rounds = t.rounds } :: !chains in
              Left.add_first t.left chain;
              hand := Nothing;
              chains := in_hand;
              t.come_back ())
    done;
    t.rounds <- outer
  with exn ->
    t.rounds <- outer;
    (match !chains with
    | { chain; _ } :: _ -> chain.is_reserved <- false
    | [] -> ());
    interrupted t !hand ~has_begun:!has_begun exn

(* Carries out one action, and not those after it. Returns the actions that follow from
   it. *)
and perform t here (action : Raw.actions) : Raw.actions =
  match action with
  | Nothing -> Nothing
  | Come_back ->
      t.come_back ();
      Nothing
  | Raise _ -> action
  | Call { closure; argument; wait; context; next = _ } -> (
      match context with
      | Within _ when context == here ->
          call t here ~is_settled:ignored closure argument wait
      | (Within _ | Nowhere) when Raw.executor_is_beside_the_loop () ->
          for_the_loop t
            (Call { closure; argument; wait; context; next = Nothing })
      | Within _ | Nowhere -> call_within t context closure argument wait)
  | Observe { promise; wait; next = _ } -> observe t here promise wait
  | Cancel action ->
      let promise = action.promise in
      if promise != given_up then (
        action.promise <- given_up;
        give_up promise ~is_removable:action.is_removable ~cancels:true);
      Nothing
  | Forget action ->
      let promise = action.promise in
      if promise != given_up then (
        action.promise <- given_up;
        give_up promise ~is_removable:action.is_removable ~cancels:false);
      Nothing
  | Settle _ ->
      Calls.settle t.calls action;
      Nothing
  | Report { next = _ } ->
      Panics.report ();
      Long_polls.report ();
      Log.report ();
      Nothing

(* Calls a closure, and awaits its promise. [is_settled] says afterwards that the wait
   needs nothing more. *)
and call : type a b.
    t ->
    Raw.context ->
    is_settled:bool ref ->
    (a -> b Lwt.t) ->
    a ->
    Raw.wait ->
    Raw.actions =
 fun t here ~is_settled closure argument wait ->
  let next = ref Raw.Nothing in
  let is_over = ref false in
  try
    next := await t here (closure argument) wait;
    is_over := true;
    is_settled := true;
    !next
  with exn ->
    let actions = failed t wait exn ~is_settled:!is_over !next in
    is_settled := true;
    actions

and observe : type a. t -> Raw.context -> a Lwt.t -> Raw.wait -> Raw.actions =
 fun t here promise wait ->
  let next = ref Raw.Nothing in
  let is_over = ref false in
  try
    next := await t here promise wait;
    is_over := true;
    !next
  with exn -> failed t wait exn ~is_settled:!is_over !next

(* Does what {!call} does, in a context. *)
and call_within : type a b.
    t -> Raw.context -> (a -> b Lwt.t) -> a -> Raw.wait -> Raw.actions =
 fun t context closure argument wait ->
  let is_settled = ref false in
  let call argument wait = call t context ~is_settled closure argument wait in
  let carry_out () = carry_out t context call argument wait in
  (* Another domain must not touch the state of Lwt. *)
  match if t.is_of_lwt then Context.run context carry_out else carry_out () with
  | () -> Nothing
  | exception exn -> failed t wait exn ~is_settled:!is_settled Nothing

and await : type a. t -> Raw.context -> a Lwt.t -> Raw.wait -> Raw.actions =
 fun t here promise wait ->
  match Lwt.state promise with
  | Return value -> Raw.wait_resolve wait value true
  | Fail exn -> answer_exn wait exn None
  | Sleep when not t.is_of_lwt -> answer_exn wait no_loop None
  | Sleep when not !gives_up -> (
      match Raw.wait_promised wait promise false with
      | Waits ->
          add_callbacks t here promise wait;
          Nothing
      | Cancels ->
          Cancel
            { promise = Obj.repr promise; is_removable = false; next = Nothing }
      | Detached -> Nothing
      | For_the_loop ->
          for_the_loop t (Observe { promise; wait; next = Nothing }))
  | Sleep when Raw.executor_is_beside_the_loop () ->
      for_the_loop t (Observe { promise; wait; next = Nothing })
  | Sleep -> (
      let in_its_place = Lwt.protected promise in
      match Raw.wait_promised wait (promise, in_its_place) true with
      | Waits ->
          add_callbacks t here in_its_place wait;
          Nothing
      | (Cancels | Detached | For_the_loop) as begun ->
          let promise = Obj.repr (promise, in_its_place) in
          if begun = Cancels then
            Cancel { promise; is_removable = true; next = Nothing }
          else Forget { promise; is_removable = true; next = Nothing })

and add_callbacks : type a. t -> Raw.context -> a Lwt.t -> Raw.wait -> unit =
 fun t here promise wait ->
  (* The two functions are recursive so that OCaml allocates one block for both. *)
  let rec resolve value = settled t here resolve_wait wait value
  and reject exn =
    ignore resolve;
    settled t here reject_wait wait exn
  in
  Lwt.on_any promise resolve reject

and settled : type a.
    t -> Raw.context -> (Raw.wait -> a -> Raw.actions) -> Raw.wait -> a -> unit
    =
 fun t here stub wait result ->
  (try carry_out t here stub wait result
   with exn ->
     let backtrace = Printexc.get_raw_backtrace () in
     (* This does nothing if the wait is settled. *)
     add_left t (stub wait result);
     t.come_back ();
     Printexc.raise_with_backtrace exn backtrace);
  if Failure.has_escaped () then Failure.leave ()

(* Actions that are left during this run are for the next turn. *)
let carry_out_left t =
  let take t () = Left.take t.left in
  t.rounds <- most;
  for _ = 1 to Left.length t.left do
    carry_out t Nowhere take t ()
  done

let executor_poll () () = Raw.executor_poll ()

let poll t =
  (* If an effect has left an action for ever, [rounds] is that of the action still. *)
  t.rounds <- most;
  carry_out t Nowhere executor_poll () ();
  if Failure.has_escaped () then Failure.leave ()

(* {1 Calls} *)

(* The call must be pending, or its result on its way. *)
let cancel t slot =
  let cancel t slot =
    Calls.cancel t.calls slot;
    Raw.call_cancel slot
  in
  Calls.make_room t.calls slot;
  carry_out t Nowhere cancel t slot

let cancelled t call =
  let slot = Calls.slot_of call in
  if Calls.is_cancelled t.calls slot then cancel t slot

let drop t call =
  if not (Calls.forget_result t.calls call) then cancel t (Calls.slot_of call)

let wait t call ~on_cancel = Calls.wait t.calls call ~on_cancel
let expect t call result = Calls.expect t.calls call result
let has_lost t = Calls.has_lost t.calls
let find_lost t = Calls.find_lost t.calls

let take_actions : type a. (a, t) Raw.call -> unit -> Raw.actions =
 fun call () ->
  match call with
  | Pending call ->
      let actions = call.actions in
      call.actions <- Nothing;
      actions
  | Returned_unit | Returned _ | Raised _ -> Nothing

let begin_call : type a. (a, t) Raw.call -> unit =
 fun call ->
  match call with
  | Pending { executor; context; _ } ->
      carry_out executor context take_actions call ()
  | Returned_unit | Returned _ | Raised _ -> ()

(* {1 The end} *)

let forget_all t =
  let abandon = Calls.forget_all t.calls in
  Left.clear t.left;
  abandon

let rec in_spite_of raised = function
  | [] -> Option.iter Failure.raise raised
  | abandon :: others -> (
      match abandon () with
      | () -> in_spite_of raised others
      | exception exn ->
          let backtrace = Some (Printexc.get_raw_backtrace ()) in
          let first = Option.value raised ~default:(exn, backtrace) in
          in_spite_of (Some first) others)

let drop_lost t =
  in_spite_of None
    (List.map
       (fun slot () -> if Calls.is_settled t.calls slot then cancel t slot)
       (Calls.take_lost t.calls))

let close t =
  let first () = carry_out_left t in
  let then_ () =
    let close () () = Raw.executor_close () in
    in_spite_of None
      [
        (fun () -> carry_out t Nowhere close () ());
        (fun () -> in_spite_of None (forget_all t));
      ]
  in
  in_spite_of None [ first; then_ ]
