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
  mutable looked_at : int;
      (** the number of slots that {!find_lost} has looked at *)
  mutable lost : int list;  (** the slots that {!find_lost} has found *)
}

let nobody : Obj.t Lwt.u = snd (Lwt.wait ())

(* It is in the slot of a call that was cancelled after it had completed, until its result
   comes. *)
let gone : Obj.t Lwt.u = snd (Lwt.wait ())

(* The slot of a call is in the lowest bits of its number. *)
let slot_of call = call land 0xff_ffff

let make () =
  {
    taken = 0;
    resolvers = Array.make 16 nobody;
    expected = None;
    early = [];
    looked_at = 0;
    lost = [];
  }

(* {1 Resolvers} *)

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

(* {1 Results} *)

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

(* {1 The slots} *)

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

let is_settled t slot = is_settled t.resolvers.(slot)

(* If a search has dropped the call before, another call may have the slot by now, so this
   looks whether the promise in the slot is the cancelled one. *)
let is_cancelled t slot = is_settled t slot || not is_its_promise

let cancel t slot =
  if slot < Array.length t.resolvers then
    t.resolvers.(slot) <- (if Raw.call_is_pending slot then nobody else gone);
  t.expected <- None

(* {1 Waiting for a result} *)

let rec forget_early t call =
  let before = t.early in
  let after = List.remove_assoc call before in
  if t.early == before then t.early <- after else forget_early t call

let forget_result t call =
  let is_early = List.mem_assoc call t.early in
  if is_early then forget_early t call;
  is_early

(* What may raise comes first, since the handler of a signal may interrupt it: the result is
   forgotten in the last step. *)
let rec wait : type a. t -> Raw.call_id -> on_cancel:(unit -> unit) -> a Lwt.t =
 fun t call ~on_cancel ->
  let early = t.early in
  match List.assoc_opt call early with
  | Some result ->
      let promise =
        match result with
        | Ok value -> Lwt.return (Obj.obj value)
        | Error ((exn, _) as failure) ->
            Failure.note failure;
            Lwt.fail exn
      in
      forget_early t call;
      promise
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

let rec expect t call result =
  let early = t.early in
  match List.assoc_opt call early with
  | Some value ->
      let value =
        Some
          (match value with
          | Ok value -> Ok (Obj.obj value)
          | Error _ as error -> error)
      in
      forget_early t call;
      result := value
  | None ->
      let expected = Some (Expected { call; result }) in
      if t.early == early then t.expected <- expected else expect t call result

(* {1 Calls whose cancellation got lost} *)

(* For example, [Lwt.pick] cancels three calls, a callback of [Lwt.on_cancel] raises,
   and so does [Lwt.async_exception_hook]. Then the exception escapes from Lwt, which runs
   no other callback of the three calls: neither the program's nor ours. *)

(* One search takes little time, and four searches look at all slots. *)
let looks_at size = max 10_000 (size / 4)
let has_lost t = match t.lost with [] -> false | _ :: _ -> true

let find_lost t =
  let resolvers = t.resolvers in
  let size = Array.length resolvers in
  let first = if t.looked_at >= size then 0 else t.looked_at in
  let last = min size (first + looks_at size) - 1 in
  for slot = first to last do
    if is_settled t slot then t.lost <- slot :: t.lost
  done;
  t.looked_at <- last + 1;
  has_lost t

let take_lost t =
  let lost = t.lost in
  t.lost <- [];
  lost

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
  t.lost <- [];
  abandon
