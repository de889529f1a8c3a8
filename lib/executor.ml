type expected =
  | Expected : {
      slot : int;
      result : ('a, Raw.failure) result option ref;
    }
      -> expected

type t = {
  mutable resolvers : Obj.t Lwt.u array;
      (** By the slots of the calls, [nobody] where none waits. Each takes what
          its call gives; a variant that said so would be a block around it. *)
  mutable expected : expected option;
      (** the call that is awaited without a promise *)
  completions : Obj.t array;
      (** Written by Rust during a poll, in pairs: the slot, doubled, plus one
          for a rejection; and the value or the failure. *)
  mutable stored : int;  (** the completions of the last poll *)
  mutable read : int;  (** those of them that were read *)
}

let nobody : Obj.t Lwt.u = snd (Lwt.wait ())

let make () =
  {
    resolvers = Array.make 16 nobody;
    expected = None;
    (* The archive refuses any other size. *)
    completions = Array.make 256 (Obj.repr ());
    stored = 0;
    read = 0;
  }

let completions t = t.completions
let has_completions t = t.read < t.stored

let reject resolver failure =
  Failure.note failure;
  (* Not [wakeup_later], which an exception that has left Lwt's resolution loop
     once defers for ever. *)
  Lwt.wakeup_exn resolver (fst failure)

let complete_expected t slot ~is_rejected value =
  match t.expected with
  | Some (Expected expected) when expected.slot = slot ->
      t.expected <- None;
      expected.result :=
        Some
          (if is_rejected then Error (Obj.obj value : Raw.failure)
           else Ok (Obj.obj value))
  | Some _ | None -> (* cancelled after the task had completed *) ()

let complete t slot ~is_rejected value =
  let resolver = t.resolvers.(slot) in
  if resolver == nobody then complete_expected t slot ~is_rejected value
  else (
    t.resolvers.(slot) <- nobody;
    if is_rejected then reject resolver (Obj.obj value : Raw.failure)
    else Lwt.wakeup resolver value)

let rec settle t =
  if has_completions t then (
    let at = 2 * t.read in
    let key : int = Obj.obj t.completions.(at) in
    let value = t.completions.(at + 1) in
    if Obj.is_block value then t.completions.(at + 1) <- Obj.repr ();
    t.read <- t.read + 1;
    complete t (key lsr 1) ~is_rejected:(key land 1 = 1) value;
    settle t)

let poll t =
  t.read <- 0;
  t.stored <- 0;
  (match Raw.executor_poll () with
  | Nothing -> ()
  | Stored stored ->
      t.stored <- stored land (Raw.panics - 1);
      if stored >= Raw.panics then Panics.report ()
  | Poll_failed (exn, backtrace) -> Failure.raise (exn, backtrace));
  if Failure.has_escaped () then Failure.leave ()

let make_room t slot =
  let size = Array.length t.resolvers in
  if slot >= size then (
    let resolvers = Array.make (max (slot + 1) (2 * size)) nobody in
    Array.blit t.resolvers 0 resolvers 0 size;
    t.resolvers <- resolvers)

let cancel t slot =
  t.resolvers.(slot) <- nobody;
  t.expected <- None;
  Outcome.get (Raw.call_cancel slot)

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
  t.read <- 0;
  t.stored <- 0;
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

let abandon_all t = in_spite_of None (forget_all t)
