type expected =
  | Expected : {
      slot : int;
      result : ('a, Raw.failure) result option ref;
    }
      -> expected

type chain = { mutable actions : Raw.actions }

type t = {
  mutable taken : int;
      (** the number of results that OCaml has taken. Rust reads it, and uses a
          slot again when OCaml has taken all results that Rust has given. *)
  mutable resolvers : Obj.t Lwt.u array;
      (** the resolver of each pending call, by the call's slot; [nobody] in the
          other slots. A resolver takes the type of its call's result. [Obj.t]
          hides that type, since a GADT would allocate a block for each. *)
  mutable expected : expected option;  (** the call that {!expect} waits for *)
  mutable left : chain list;
      (** the actions that follow the ones being carried out. An action may
          block or never return. So the first code that gets here, such as the
          next turn, carries out the rest. *)
  mutable looked_at : int;
      (** the number of slots that {!find_lost} has looked at *)
  mutable lost : int list;  (** the slots that {!find_lost} has found *)
  come_back : unit -> unit;  (** see {!make} *)
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

(* Another thread of the domain may come between wherever memory is allocated: in these
   two functions, before [t.left] is found to be as it was. *)

let rec add_first t chain =
  let before = t.left in
  let after = chain :: before in
  if t.left == before then t.left <- after else add_first t chain

let rec add_last t chain =
  let before = t.left in
  let after = before @ [ chain ] in
  if t.left == before then t.left <- after else add_last t chain

(* {1 The results of calls} *)

let reject resolver failure =
  Failure.note failure;
  (* If an exception has once escaped from Lwt's resolution loop, [wakeup_later] defers
     for ever. [wakeup_exn] does not. *)
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
      add_last t { actions };
      t.come_back ()

(* [here] is the context of the running code, or [Nowhere] if it is not known. *)
let rec carry_out t here actions = go t here most actions

and go t here rounds : Raw.actions -> unit = function
  | Nothing -> ()
  (* The next two cases are those of most turns. *)
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

(* An action may run a loop, block this thread, or never return. So the actions after it
   are put into [t.left] first, where other code finds them. *)
and go_on t here rounds action next =
  let chain = { actions = next } in
  add_first t chain;
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
  | Nothing -> (* Nothing was left, or other code has carried it out. *) ()
  | Come_back -> t.come_back ()
  | action ->
      chain.actions <- next action;
      follow t here rounds chain action

and forget t chain =
  match t.left with
  | first :: others when first == chain -> t.left <- others
  | before ->
      let after = List.filter (( != ) chain) before in
      if t.left == before then t.left <- after else forget t chain

(* Carries out one action. Returns the actions that follow from it. *)
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
        (* Lwt does not catch this exception, so it goes on. *)
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
    (* The two functions are recursive so that OCaml allocates one block for both. *)
    let rec resolve value = settled t here (Raw.wait_resolve wait value false)
    and reject exn =
      ignore resolve;
      settled t here (Raw.wait_reject wait (Errors.show exn None) false)
    in
    Lwt.on_any promise resolve reject
  with
  | () -> Nothing
  | exception exn ->
      (* The handler of a signal has raised [exn]. *)
      answer_exn wait exn (Some (Printexc.get_raw_backtrace ()))

and settled t here actions =
  carry_out t here actions;
  if Failure.has_escaped () then Failure.leave ()

(* Actions that are left during this run are for the next turn. *)
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

let cancel t slot =
  t.resolvers.(slot) <- nobody;
  t.expected <- None;
  carry_out t Nowhere (Raw.call_cancel slot)

(* In all versions of Lwt so far, a resolver is its promise. Lwt does not promise it, so
   this looks. *)
let is_its_promise =
  let promise, resolver = Lwt.wait () in
  Obj.repr promise == Obj.repr resolver

let is_settled resolver =
  is_its_promise && resolver != nobody
  &&
  match Lwt.state (Obj.magic resolver : Obj.t Lwt.t) with
  | Return _ | Fail _ -> true
  | Sleep -> false

(* If [drop_lost] has dropped the call before, another call may have the slot by now, so
   this looks whether the promise in the slot is the cancelled one. *)
let cancelled t slot =
  if is_settled t.resolvers.(slot) || not is_its_promise then cancel t slot

let wait (type a) t slot ~on_cancel : a Lwt.t =
  let promise, resolver = (Lwt.task () : a Lwt.t * a Lwt.u) in
  make_room t slot;
  (* The result that Rust gives for this slot is an [a]. *)
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
   and so does [Lwt.async_exception_hook]. Then the exception escapes from Lwt, which runs
   no other callback of the three calls: neither the program's nor ours. *)

(* A limit, so that one search takes little time. *)
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
