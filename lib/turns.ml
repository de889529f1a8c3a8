(* Operations that happen one after the other. A [Lwt_mutex] does not suffice: if several
   promises are cancelled together, it gives its lock to one that is cancelled already. And
   a promise that waits for the lock cannot be cancelled any more when it has the lock, but
   has not begun. *)

type waiting = { is_there : unit -> bool; start : unit -> unit }

type t = {
  mutable is_taken : bool;
  mutable is_passing_on : bool;
  waiting : waiting Queue.t;
}

let make () =
  { is_taken = false; is_passing_on = false; waiting = Queue.create () }

let are_free t =
  (not t.is_taken) && (not t.is_passing_on) && Queue.is_empty t.waiting

let start_next t =
  let { is_there; start } = Queue.take t.waiting in
  if is_there () then start ()

(* Begins the next operation. It does so in a loop, since an operation may end at once. *)
let pass_on t =
  if not t.is_passing_on then (
    t.is_passing_on <- true;
    Fun.protect
      ~finally:(fun () -> t.is_passing_on <- false)
      (fun () ->
        while (not t.is_taken) && not (Queue.is_empty t.waiting) do
          start_next t
        done))

(* The one that asked may have been cancelled. Then [finish] is not called, so that it takes
   nothing away. *)
let settle promise resolver ended finish =
  if Lwt.is_sleeping promise then
    match Lwt.state ended with
    | Lwt.Return () -> Lwt.wakeup resolver (finish ())
    | Fail exn ->
        (* The one that asked did so before the domain began to end. *)
        let exn = if exn == Lwt_loop.is_ending then Errors.Abandoned else exn in
        Lwt.wakeup_exn resolver exn
    | Sleep -> ()

let follow t promise resolver ending finish =
  Lwt.on_cancel promise (fun () -> Lwt.cancel ending);
  Lwt.on_termination ending (fun () ->
      t.is_taken <- false;
      (* A callback of the promise may raise. *)
      Fun.protect
        ~finally:(fun () -> pass_on t)
        (fun () -> settle promise resolver ending finish))

let start t promise resolver operation finish () =
  t.is_taken <- true;
  match operation () with
  | ending when Lwt.is_sleeping ending ->
      follow t promise resolver ending finish
  | ended ->
      t.is_taken <- false;
      settle promise resolver ended finish
  | exception exn ->
      t.is_taken <- false;
      Lwt.wakeup_exn resolver exn

(* [take t operation finish] calls [operation] when those before it have ended, and [finish]
   when its promise is resolved. If it is cancelled before that, it calls neither, or it
   cancels the promise of [operation] and does not call [finish]. *)
let take t operation finish =
  let wait_for ending =
    let promise, resolver = Lwt.task () in
    follow t promise resolver ending finish;
    promise
  in
  if are_free t then (
    t.is_taken <- true;
    match operation () with
    | ending when Lwt.is_sleeping ending -> wait_for ending
    | ended -> (
        t.is_taken <- false;
        match Lwt.state ended with
        | Fail exn ->
            pass_on t;
            Lwt.fail exn
        | Return () | Sleep ->
            let taken = finish () in
            pass_on t;
            Lwt.return taken)
    | exception exn ->
        (* The handler of a signal has raised it, or it is one that Lwt does not catch. *)
        let backtrace = Printexc.get_raw_backtrace () in
        t.is_taken <- false;
        pass_on t;
        Printexc.raise_with_backtrace exn backtrace)
  else
    let promise, resolver = Lwt.task () in
    Queue.add
      {
        is_there = (fun () -> Lwt.is_sleeping promise);
        start = start t promise resolver operation finish;
      }
      t.waiting;
    pass_on t;
    promise

(* Begins those that wait, whether or not others have ended. *)
let begin_all t =
  while not (Queue.is_empty t.waiting) do
    start_next t
  done
