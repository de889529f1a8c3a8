type pending =
  | Vacant
  | Awaited : 'a Lwt.u -> pending  (** by a promise *)
  | Expected : ('a, Raw.failure) result option ref -> pending

type t = {
  mutable resolvers : pending array;  (** by the slots of the calls *)
  completions : Obj.t array;
      (** Written by Rust during a poll, in pairs: the slot, doubled, plus one
          for a rejection; and the value or the failure. *)
  mutable stored : int;  (** the completions of the last poll *)
  mutable read : int;  (** those of them that were read *)
}

let make () =
  {
    resolvers = Array.make 16 Vacant;
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

let complete pending ~is_rejected value =
  match pending with
  | Vacant -> (* cancelled after the task had completed *) ()
  | Awaited resolver ->
      if is_rejected then reject resolver (Obj.obj value : Raw.failure)
      else Lwt.wakeup resolver (Obj.obj value)
  | Expected result ->
      result :=
        Some
          (if is_rejected then Error (Obj.obj value : Raw.failure)
           else Ok (Obj.obj value))

let rec settle t =
  if has_completions t then (
    let at = 2 * t.read in
    let key : int = Obj.obj t.completions.(at) in
    let value = t.completions.(at + 1) in
    t.completions.(at + 1) <- Obj.repr ();
    t.read <- t.read + 1;
    let slot = key lsr 1 in
    let pending = t.resolvers.(slot) in
    t.resolvers.(slot) <- Vacant;
    complete pending ~is_rejected:(key land 1 = 1) value;
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
    let resolvers = Array.make (max (slot + 1) (2 * size)) Vacant in
    Array.blit t.resolvers 0 resolvers 0 size;
    t.resolvers <- resolvers)

let keep t slot pending =
  make_room t slot;
  t.resolvers.(slot) <- pending

let cancel t slot =
  t.resolvers.(slot) <- Vacant;
  Outcome.get (Raw.call_cancel slot)

let wait t slot =
  let promise, resolver = Lwt.task () in
  keep t slot (Awaited resolver);
  Lwt.on_cancel promise (fun () -> cancel t slot);
  promise

let expect t slot =
  let result = ref None in
  keep t slot (Expected result);
  result

let abandon pending () =
  match pending with
  | Vacant -> ()
  | Awaited resolver -> Lwt.wakeup_exn resolver Errors.Abandoned
  | Expected result -> result := Some (Error (Errors.Abandoned, None))

let is_pending = function Vacant -> false | Awaited _ | Expected _ -> true

let forget_all t =
  if not (has_completions t || Array.exists is_pending t.resolvers) then []
  else
    let pending = List.filter is_pending (Array.to_list t.resolvers) in
    t.resolvers <- Array.make 16 Vacant;
    t.read <- 0;
    t.stored <- 0;
    List.map abandon pending

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
