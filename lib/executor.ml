type expected =
  | Expected : {
      slot : int;
      result : ('a, Raw.failure) result option ref;
    }
      -> expected

type chain = { mutable actions : Raw.actions }

type t = {
  mutable taken : int;
      (** How many results were taken. Rust reads it: a slot is used again when
          it is as many as Rust has given. *)
  mutable resolvers : Obj.t Lwt.u array;
      (** By the slots of the calls, [nobody] where none waits. Each takes what
          its call gives; a variant that said so would be a block around it. *)
  mutable expected : expected option;
      (** the call that is awaited without a promise *)
  mutable left : chain list;
      (** What is to be done after an action that is being carried out. Whoever
          comes first does it: the action may take its time. *)
  mutable looked_at : int;
      (** as many slots from the first one: {!find_lost} *)
  mutable lost : int list;  (** the slots that it has found *)
  come_back : unit -> unit;  (** See {!make}. *)
  is_of_lwt : bool;
}

let nobody : Obj.t Lwt.u = snd (Lwt.wait ())

let make ~is_of_lwt come_back =
  {
    taken = 0;
    resolvers = Array.make 16 nobody;
    expected = None;
    left = [];
    looked_at = 0;
    lost = [];
    come_back;
    is_of_lwt;
  }

let has_lost t = match t.lost with [] -> false | _ :: _ -> true
let has_left t = match t.left with [] -> false | _ :: _ -> true

(* {1 The results of calls} *)

let reject resolver failure =
  Failure.note failure;
  (* Not [wakeup_later], which an exception that has left Lwt's resolution loop
     once defers for ever. *)
  Lwt.wakeup_exn resolver (fst failure)

let complete_expected t slot result =
  match t.expected with
  | Some (Expected expected) when expected.slot = slot ->
      t.expected <- None;
      expected.result :=
        Some
          (match result with
          | Ok value -> Ok (Obj.obj value)
          | Error failure -> Error failure)
  | Some _ | None -> (* cancelled after the task had completed *) ()

let take t slot =
  let resolver = t.resolvers.(slot) in
  t.taken <- (t.taken + 1) land max_int;
  if resolver != nobody then t.resolvers.(slot) <- nobody;
  resolver

let resolve t slot value =
  let resolver = take t slot in
  if resolver == nobody then complete_expected t slot (Ok value)
  else Lwt.wakeup resolver value

let reject t slot failure =
  let resolver = take t slot in
  if resolver == nobody then complete_expected t slot (Error failure)
  else reject resolver failure

(* {1 Promises that Rust awaits} *)

(* Lwt cannot remove a callback of [on_any]. So if Rust gives up promises that stay
   pending, as one that races with what it does, from then on it awaits others in
   their place, with which the callbacks go. That takes longer, so it is not done
   before it is needed. *)
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

let no_loop =
  Invalid_argument
    "a pending Lwt promise in a domain that runs no Lwt loop: nothing can \
     settle it there; call the function in the domain of the loop \
     (lwt_rust::LwtFn::in_domain, Lwt_rust.Executor.run_in_lwt)"

let answer_exn wait exn backtrace =
  Raw.wait_reject wait (Errors.show exn backtrace) true

(* {1 Actions} *)

(* At most so many follow each other, of which each comes of the one before it, until
   the rest of the program has its turn. *)
let most = 256

let next : Raw.actions -> Raw.actions = function
  | Nothing | Come_back | Failed_stub _ -> Nothing
  | Call { next; _ }
  | Observe { next; _ }
  | Cancel { next; _ }
  | Forget { next; _ }
  | Resolve { next; _ }
  | Reject { next; _ }
  | Report { next } ->
      next

let leave t actions =
  match (actions : Raw.actions) with
  | Nothing -> ()
  | _ ->
      t.left <- t.left @ [ { actions } ];
      t.come_back ()

(* [here] is the context of this code, if it is known. *)
let rec carry_out t here actions = go t here most actions

and go t here rounds : Raw.actions -> unit = function
  | Nothing -> ()
  (* The next two are what most turns have. *)
  | Call
      { closure; argument; wait; context = Within _ as context; next = Nothing }
    when context == here && rounds > 0 ->
      go t here (rounds - 1) (call t here closure argument wait)
  | Resolve { slot; value; next = Nothing } -> resolve t slot value
  | Come_back -> t.come_back ()
  | Failed_stub (exn, backtrace) -> Failure.raise (exn, backtrace)
  | actions when rounds = 0 -> leave t actions
  | actions -> (
      match next actions with
      | Nothing -> go t here (rounds - 1) (perform t here actions)
      | next -> go_on t here rounds actions next)

(* While an action is carried out, those behind it are where others find them: it may
   run a loop, or block this thread, or never return. *)
and go_on t here rounds action next =
  let chain = { actions = next } in
  t.left <- chain :: t.left;
  t.come_back ();
  match follow t here rounds chain action with
  | () -> forget t chain
  | exception exn ->
      let backtrace = Printexc.get_raw_backtrace () in
      t.come_back ();
      Printexc.raise_with_backtrace exn backtrace

and follow t here rounds chain action =
  go t here (rounds - 1) (perform t here action);
  match chain.actions with
  | Nothing -> (* or others have done the rest *) ()
  | Come_back -> t.come_back ()
  | action ->
      chain.actions <- next action;
      follow t here rounds chain action

and forget t chain =
  match t.left with
  | first :: others when first == chain -> t.left <- others
  | all -> t.left <- List.filter (( != ) chain) all

(* What comes of it. *)
and perform t here : Raw.actions -> Raw.actions = function
  | Nothing | Come_back | Failed_stub _ -> Nothing
  | Call { closure; argument; wait; context; next = _ } -> (
      match context with
      | Within _ when context == here -> call t here closure argument wait
      | Within _ | Nowhere ->
          Context.run context (fun () ->
              carry_out t context (call t context closure argument wait));
          Nothing)
  | Observe { promise; wait; next = _ } -> await t here promise wait
  | Cancel { promise; is_removable; next = _ } ->
      give_up promise ~is_removable ~cancels:true;
      Nothing
  | Forget { promise; is_removable; next = _ } ->
      give_up promise ~is_removable ~cancels:false;
      Nothing
  | Resolve { slot; value; next = _ } ->
      resolve t slot value;
      Nothing
  | Reject { slot; failure; next = _ } ->
      reject t slot failure;
      Nothing
  | Report { next = _ } ->
      Panics.report ();
      Nothing

and call : type a b.
    t -> Raw.context -> (a -> b Lwt.t) -> a -> Raw.wait -> Raw.actions =
 fun t here closure argument wait ->
  match closure argument with
  | promise -> await t here promise wait
  | exception exn ->
      let backtrace = Printexc.get_raw_backtrace () in
      let actions = answer_exn wait exn (Some backtrace) in
      if Lwt.Exception_filter.run exn then actions
      else (
        (* Lwt does not catch it, and nor do we. *)
        leave t actions;
        Printexc.raise_with_backtrace exn backtrace)

and await : type a. t -> Raw.context -> a Lwt.t -> Raw.wait -> Raw.actions =
 fun t here promise wait ->
  match Lwt.state promise with
  | Return value -> Raw.wait_resolve wait value true
  | Fail exn -> answer_exn wait exn None
  | Sleep when not t.is_of_lwt -> answer_exn wait no_loop None
  | Sleep when not !gives_up -> (
      match Raw.wait_promised wait promise false with
      | Waits -> add_callbacks t here promise wait
      | Cancels ->
          Lwt.cancel promise;
          Nothing
      | Detached -> Nothing)
  | Sleep -> (
      let in_its_place = Lwt.protected promise in
      match Raw.wait_promised wait (promise, in_its_place) true with
      | Waits -> add_callbacks t here in_its_place wait
      | (Cancels | Detached) as begun ->
          let promise = Obj.repr (promise, in_its_place) in
          give_up promise ~is_removable:true ~cancels:(begun = Cancels);
          Nothing)

and add_callbacks : type a.
    t -> Raw.context -> a Lwt.t -> Raw.wait -> Raw.actions =
 fun t here promise wait ->
  match
    (* Recursive, so that they are one block. *)
    let rec resolve value = settled t here (Raw.wait_resolve wait value false)
    and reject exn =
      ignore resolve;
      settled t here (Raw.wait_reject wait (Errors.show exn None) false)
    in
    Lwt.on_any promise resolve reject
  with
  | () -> Nothing
  | exception exn ->
      (* That of a signal's handler. *)
      answer_exn wait exn (Some (Printexc.get_raw_backtrace ()))

and settled t here actions =
  carry_out t here actions;
  if Failure.has_escaped () then Failure.leave ()

(* What is left while this goes on is for the next turn. *)
let carry_out_left t =
  let rec go number =
    match t.left with
    | chain :: others when number > 0 ->
        let actions = chain.actions in
        chain.actions <- Nothing;
        t.left <- others;
        carry_out t Nowhere actions;
        go (number - 1)
    | [] | _ :: _ -> ()
  in
  go (List.length t.left)

let poll t =
  carry_out t Nowhere (Raw.executor_poll ());
  if Failure.has_escaped () then Failure.leave ()

(* {1 Calls} *)

let make_room t slot =
  let size = Array.length t.resolvers in
  if slot >= size then (
    let resolvers = Array.make (max (slot + 1) (2 * size)) nobody in
    Array.blit t.resolvers 0 resolvers 0 size;
    t.resolvers <- resolvers)

let cancel t slot =
  t.resolvers.(slot) <- nobody;
  t.expected <- None;
  carry_out t Nowhere (Raw.call_cancel slot)

let is_settled resolver =
  resolver != nobody
  &&
  (* A resolver is its promise. *)
  match Lwt.state (Obj.magic resolver : Obj.t Lwt.t) with
  | Return _ | Fail _ -> true
  | Sleep -> false

(* Another call may have the slot, if [drop_lost] was here before. *)
let cancelled t slot = if is_settled t.resolvers.(slot) then cancel t slot

let wait (type a) t slot ~on_cancel : a Lwt.t =
  let promise, resolver = (Lwt.task () : a Lwt.t * a Lwt.u) in
  make_room t slot;
  (* What comes for this slot is an [a]. *)
  t.resolvers.(slot) <- (Obj.magic resolver : Obj.t Lwt.u);
  Lwt.on_cancel promise on_cancel;
  promise

let expect t slot =
  let result = ref None in
  make_room t slot;
  t.expected <- Some (Expected { slot; result });
  result

(* {1 Calls whose cancellation got lost} *)

(* For example, [Lwt.pick] cancels three calls, a callback of [Lwt.on_cancel] raises,
   and so does [Lwt.async_exception_hook]. Then the exception leaves Lwt, which runs no
   other callback of the three: neither those of the program, nor ours. *)

(* So few that it takes no time that somebody notices. *)
let most_looked_at = 10_000

let find_lost t =
  let resolvers = t.resolvers in
  let size = Array.length resolvers in
  let first = if t.looked_at >= size then 0 else t.looked_at in
  let last = min size (first + most_looked_at) - 1 in
  for slot = first to last do
    if is_settled resolvers.(slot) then t.lost <- slot :: t.lost
  done;
  t.looked_at <- last + 1;
  has_lost t

(* {1 The end} *)

let abandon_promises t =
  let waiting =
    List.filter (fun resolver -> resolver != nobody) (Array.to_list t.resolvers)
  in
  let abandon resolver () = Lwt.wakeup_exn resolver Errors.Abandoned in
  List.map abandon waiting

let abandon_expected t =
  let abandon (Expected { slot = _; result }) () =
    result := Some (Error (Errors.Abandoned, None))
  in
  List.map abandon (Option.to_list t.expected)

let forget_all t =
  let abandon = abandon_expected t @ abandon_promises t in
  t.resolvers <- Array.make 16 nobody;
  t.expected <- None;
  t.left <- [];
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
  in_spite_of None (List.map (fun slot () -> cancelled t slot) lost)

let close t =
  let first () = carry_out_left t in
  let then_ () =
    let actions = Raw.executor_close () in
    in_spite_of None ((fun () -> carry_out t Nowhere actions) :: forget_all t)
  in
  in_spite_of None [ first; then_ ]
