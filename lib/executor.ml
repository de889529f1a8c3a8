type expected =
  | Expected : {
      call : Raw.call_id;
      result : ('a, Raw.failure) result option ref;
    }
      -> expected

type t = {
  mutable taken : int;
      (** the number of results that OCaml has taken. Rust reads it, and uses a
          slot again when OCaml has taken all results that Rust has given. *)
  mutable resolvers : Obj.t Lwt.u array;
      (** the resolver of each pending call, by the call's slot; [nobody] in the
          other slots. A resolver takes the type of its call's result. [Obj.t]
          hides that type, since a GADT would allocate a block for each. *)
  mutable expected : expected option;  (** the call that {!expect} waits for *)
  mutable early : (Raw.call_id * (Obj.t, Raw.failure) result) list;
      (** the results of calls without a resolver: another thread has run the
          task before the caller takes the promise *)
  left : Left.t;
      (** An action may block or never return. So the first code that gets here,
          such as the next turn, carries out those that follow it. *)
  mutable looked_at : int;
      (** the number of slots that {!find_lost} has looked at *)
  mutable lost : int list;  (** the slots that {!find_lost} has found *)
  come_back : unit -> unit;  (** see {!make} *)
  is_of_lwt : bool;
}

let nobody : Obj.t Lwt.u = snd (Lwt.wait ())

(* It is in the slot of a call that was cancelled after it had completed, until its result
   comes. *)
let gone : Obj.t Lwt.u = snd (Lwt.wait ())

(* The slot of a call is in the lowest bits of its number. *)
let slot_of call = call land 0xff_ffff

let make ~is_of_lwt come_back =
  {
    taken = 0;
    resolvers = Array.make 16 nobody;
    expected = None;
    early = [];
    left = Left.make ();
    looked_at = 0;
    lost = [];
    come_back;
    is_of_lwt;
  }

let has_lost t = match t.lost with [] -> false | _ :: _ -> true
let has_left t = not (Left.is_empty t.left)

(* {1 The results of calls} *)

(* In all versions of Lwt so far, a resolver is its promise. Lwt does not promise it, so
   this looks. *)
let is_its_promise =
  let promise, resolver = Lwt.wait () in
  Obj.repr promise == Obj.repr resolver

(* Only where [is_its_promise]: otherwise a resolver is no promise, and this would read
   another value as one. *)
let state (resolver : Obj.t Lwt.u) =
  Lwt.state (Obj.magic resolver : Obj.t Lwt.t)

let is_of_a_call resolver = resolver != nobody && resolver != gone

let is_pending resolver =
  is_its_promise && is_of_a_call resolver
  && match state resolver with Sleep -> true | Return _ | Fail _ -> false

let is_settled resolver =
  is_its_promise && is_of_a_call resolver
  && match state resolver with Return _ | Fail _ -> true | Sleep -> false

let wakeup resolver ~is_value result =
  if is_value then Lwt.wakeup resolver result
  else
    let failure : Raw.failure = Obj.obj result in
    Failure.note failure;
    (* If an exception has once escaped from Lwt's resolution loop, [wakeup_later] defers
       for ever. [wakeup_exn] does not. *)
    Lwt.wakeup_exn resolver (fst failure)

(* If the handler of a signal has raised before the promise was settled, settles it. *)
let rec wakeup_again resolver ~is_value result =
  if is_pending resolver then (
    try wakeup resolver ~is_value result
    with exn ->
      let backtrace = Printexc.get_raw_backtrace () in
      wakeup_again resolver ~is_value result;
      Printexc.raise_with_backtrace exn backtrace)

let result ~is_value value =
  if is_value then Ok value else Error (Obj.obj value : Raw.failure)

(* The number of a call in an action, when OCaml has taken the result. *)
let taken = -1

let no_resolver resolvers slot =
  slot >= Array.length resolvers || resolvers.(slot) == nobody

(* Another thread may come between wherever OCaml allocates or calls a function. So this
   allocates first. Then it looks whether all is as before, and takes the result. *)
let rec settle t (action : Raw.actions) =
  match action with
  | Settle r when r.call >= 0 ->
      let slot = slot_of r.call in
      if no_resolver t.resolvers slot then settle_without t action
      else
        let resolver = t.resolvers.(slot) in
        settle_with t resolver slot action
  | _ -> ()

and settle_with t resolver slot (action : Raw.actions) =
  match action with
  | Settle r -> (
      try
        t.taken <- (t.taken + 1) land max_int;
        r.call <- taken;
        t.resolvers.(slot) <- nobody;
        if resolver != gone then wakeup resolver ~is_value:r.is_value r.result
      with exn ->
        let backtrace = Printexc.get_raw_backtrace () in
        if r.call = taken then
          wakeup_again resolver ~is_value:r.is_value r.result;
        Printexc.raise_with_backtrace exn backtrace)
  | _ -> ()

and settle_without t (action : Raw.actions) =
  match action with
  | Settle r -> (
      let value = result ~is_value:r.is_value r.result in
      let call = r.call in
      match t.expected with
      | Some (Expected expected) as before when expected.call = call ->
          let value =
            Some
              (match value with
              | Ok value -> Ok (Obj.obj value)
              | Error _ as error -> error)
          in
          if t.expected == before then (
            expected.result := value;
            t.expected <- None;
            t.taken <- (t.taken + 1) land max_int;
            r.call <- taken)
          else settle t action
      | expected ->
          let before = t.early in
          let after = (call, value) :: before in
          let resolvers = t.resolvers in
          let slot = slot_of call in
          if
            (slot >= Array.length resolvers || resolvers.(slot) == nobody)
            && t.early == before && t.expected == expected
          then (
            t.early <- after;
            t.taken <- (t.taken + 1) land max_int;
            r.call <- taken)
          else settle t action)
  | _ -> ()

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

(* The longest run of actions of which each follows from the one before it. After that,
   the rest of the program has its turn. *)
let most = 256

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
  | _ -> Left.add_last t.left { actions }

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
    | Settle { call; _ } when call = taken -> Nothing
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
type in_hand = { chain : Left.chain; rounds : int }

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
  let rounds = ref most in
  let chains = ref [] in
  try
    hand := stub a b;
    while !hand != Raw.Nothing || !chains != [] do
      match !hand with
      | Nothing -> (
          match !chains with
          | [] -> ()
          | { chain; rounds = its_rounds } :: outer -> (
              match chain.actions with
              | Nothing ->
                  Left.forget t.left chain;
                  chains := outer
              | action ->
                  let next = next action in
                  (* Another thread may have taken the chain meanwhile. *)
                  if chain.actions == action then (
                    chain.actions <- next;
                    hand := action;
                    has_begun := true;
                    rounds := its_rounds - 1;
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
        when context == here && !rounds > 0 ->
          decr rounds;
          has_begun := true;
          hand := call t here ~is_settled:ignored closure argument wait;
          has_begun := false
      | Settle { next = Nothing; _ } as action ->
          settle t action;
          hand := Nothing
      | Come_back ->
          hand := Nothing;
          t.come_back ()
      | Raise (exn, backtrace) ->
          hand := Nothing;
          Failure.raise (exn, backtrace)
      | actions when !rounds = 0 ->
          Left.add_last t.left { actions };
          hand := Nothing;
          t.come_back ()
      | actions -> (
          match next actions with
          | Nothing ->
              decr rounds;
              has_begun := true;
              hand := perform t here actions;
              has_begun := false
          | _ ->
              let chain = { Left.actions } in
              let in_hand = { chain; rounds = !rounds } :: !chains in
              Left.add_first t.left chain;
              hand := Nothing;
              chains := in_hand;
              t.come_back ())
    done
  with exn -> interrupted t !hand ~has_begun:!has_begun exn

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
      settle t action;
      Nothing
  | Report { next = _ } ->
      Panics.report ();
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
  match
    Context.run context (fun () -> carry_out t context call argument wait)
  with
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
      | Detached -> Nothing)
  | Sleep -> (
      let in_its_place = Lwt.protected promise in
      match Raw.wait_promised wait (promise, in_its_place) true with
      | Waits ->
          add_callbacks t here in_its_place wait;
          Nothing
      | (Cancels | Detached) as begun ->
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
  for _ = 1 to Left.length t.left do
    carry_out t Nowhere take t ()
  done

let executor_poll () () = Raw.executor_poll ()

let poll t =
  carry_out t Nowhere executor_poll () ();
  if Failure.has_escaped () then Failure.leave ()

(* {1 Calls} *)

(* While [Array.make] allocates, another thread of the domain may make room. *)
let rec make_room t slot =
  let before = t.resolvers in
  let size = Array.length before in
  if slot >= size then
    let resolvers = Array.make (max (slot + 1) (2 * size)) nobody in
    if t.resolvers == before then (
      Array.blit before 0 resolvers 0 size;
      t.resolvers <- resolvers)
    else make_room t slot

(* The call must be pending, or its result on its way. *)
let cancel t slot =
  let cancel t slot =
    if slot < Array.length t.resolvers then
      t.resolvers.(slot) <- (if Raw.call_is_pending slot then nobody else gone);
    t.expected <- None;
    Raw.call_cancel slot
  in
  make_room t slot;
  carry_out t Nowhere cancel t slot

(* If [drop_lost] has dropped the call before, another call may have the slot by now, so
   this looks whether the promise in the slot is the cancelled one. *)
let cancelled t call =
  let slot = slot_of call in
  if is_settled t.resolvers.(slot) || not is_its_promise then cancel t slot

let rec forget_early t call =
  let before = t.early in
  let after = List.remove_assoc call before in
  if t.early == before then t.early <- after else forget_early t call

let drop t call =
  if List.mem_assoc call t.early then forget_early t call
  else cancel t (slot_of call)

let rec wait : type a. t -> Raw.call_id -> on_cancel:(unit -> unit) -> a Lwt.t =
 fun t call ~on_cancel ->
  let early = t.early in
  match List.assoc_opt call early with
  | Some result -> (
      forget_early t call;
      match result with
      | Ok value -> Lwt.return (Obj.obj value)
      | Error ((exn, _) as failure) ->
          Failure.note failure;
          Lwt.fail exn)
  | None ->
      let slot = slot_of call in
      let promise, resolver = (Lwt.task () : a Lwt.t * a Lwt.u) in
      make_room t slot;
      Lwt.on_cancel promise on_cancel;
      (* Another thread may have run the task meanwhile. *)
      if t.early == early then (
        (* The result that Rust gives for this call is an [a]. *)
        t.resolvers.(slot) <- (Obj.magic resolver : Obj.t Lwt.u);
        promise)
      else wait t call ~on_cancel

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

let rec expect t call result =
  let early = t.early in
  match List.assoc_opt call early with
  | Some value ->
      forget_early t call;
      result :=
        Some
          (match value with
          | Ok value -> Ok (Obj.obj value)
          | Error _ as error -> error)
  | None ->
      let expected = Some (Expected { call; result }) in
      if t.early == early then t.expected <- expected else expect t call result

(* {1 Calls whose cancellation got lost} *)

(* For example, [Lwt.pick] cancels three calls, a callback of [Lwt.on_cancel] raises,
   and so does [Lwt.async_exception_hook]. Then the exception escapes from Lwt, which runs
   no other callback of the three calls: neither the program's nor ours. *)

(* One search takes little time, and four searches look at all slots. *)
let looks_at size = max 10_000 (size / 4)

let find_lost t =
  let resolvers = t.resolvers in
  let size = Array.length resolvers in
  let first = if t.looked_at >= size then 0 else t.looked_at in
  let last = min size (first + looks_at size) - 1 in
  for slot = first to last do
    if is_settled resolvers.(slot) then t.lost <- slot :: t.lost
  done;
  t.looked_at <- last + 1;
  has_lost t

(* {1 The end} *)

let abandon_promises t =
  let waiting = List.filter is_of_a_call (Array.to_list t.resolvers) in
  let abandon resolver () = Lwt.wakeup_exn resolver Errors.Abandoned in
  List.map abandon waiting

let abandon_expected t =
  let abandon (Expected { call = _; result }) () =
    result := Some (Error (Errors.Abandoned, None))
  in
  List.map abandon (Option.to_list t.expected)

let forget_all t =
  let abandon = abandon_expected t @ abandon_promises t in
  t.resolvers <- Array.make 16 nobody;
  t.expected <- None;
  t.early <- [];
  Left.clear t.left;
  t.lost <- [];
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
  let lost = t.lost in
  t.lost <- [];
  in_spite_of None
    (List.map
       (fun slot () -> if is_settled t.resolvers.(slot) then cancel t slot)
       lost)

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
