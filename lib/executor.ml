type pending =
  | Vacant
  | Awaited : 'a Lwt.u -> pending  (** by a promise *)
  | Expected : ('a, Raw.failure) result option ref -> pending  (** by [run] *)

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

let has_completions t = t.read < t.stored

let reject_with resolver failure =
  Failure.note failure;
  (* Not [wakeup_later], which an exception that has left Lwt's resolution loop
     once defers for ever. *)
  Lwt.wakeup_exn resolver (fst failure)

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
    (match pending with
    | Vacant -> (* cancelled after the task had completed *) ()
    | Awaited resolver ->
        if key land 1 = 0 then Lwt.wakeup resolver (Obj.obj value)
        else reject_with resolver (Obj.obj value : Raw.failure)
    | Expected result ->
        result :=
          Some
            (if key land 1 = 0 then Ok (Obj.obj value)
             else Error (Obj.obj value : Raw.failure)));
    settle t)

(* Added by Rust to the number of completions. *)
let panics = 1 lsl 16

let poll t =
  let polled = Outcome.get (Raw.executor_poll ()) in
  t.read <- 0;
  t.stored <- polled land (panics - 1);
  if polled >= panics then Panics.report ();
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

let forget t slot = t.resolvers.(slot) <- Vacant

let cancel t slot =
  forget t slot;
  Outcome.get (Raw.call_cancel slot)

let wait t slot =
  let promise, resolver = Lwt.task () in
  keep t slot (Awaited resolver);
  Lwt.on_cancel promise (fun () -> cancel t slot);
  promise

let take_pending t =
  let pending = t.resolvers in
  t.resolvers <- Array.make 16 Vacant;
  t.read <- 0;
  t.stored <- 0;
  List.filter (function Vacant -> false | _ -> true) (Array.to_list pending)

let abandon = function
  | Vacant -> ()
  | Awaited resolver -> Lwt.wakeup_exn resolver Errors.Abandoned
  | Expected result -> result := Some (Error (Errors.Abandoned, None))
