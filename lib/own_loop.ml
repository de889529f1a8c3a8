type t = {
  executor : Executor.t;
  mutable socket : Unix.file_descr;
      (** has a byte to read when there is work *)
  mutable is_running : bool;
  mutable is_closed : bool;
  mutable has_socket : bool;
}

(* It is in the storage of the domain, which ends with the domain. *)
let key : t option Domain.DLS.key = Domain.DLS.new_key (fun () -> None)

(* Another thread of the domain may be in [run], and read from the socket. Then [run]
   closes it. *)
let close_socket t =
  if t.has_socket && not t.is_running then (
    t.has_socket <- false;
    Unix.close t.socket)

let close domain t =
  if t.is_closed then close_socket t
  else (
    t.is_closed <- true;
    Domain.DLS.set key None;
    (* This thread may not have used the executor before. *)
    ignore (Raw.executor_attach domain false : bool Raw.outcome);
    Fun.protect
      ~finally:(fun () -> close_socket t)
      (fun () -> Executor.close t.executor))

let find () =
  match Domain.DLS.get key with
  | Some t -> t
  | None ->
      let message =
        "the executor of this domain is being made, by the call that this code \
         has interrupted: in the handler of a signal, note the signal, and \
         call Lwt_rust.Executor.run when the handler has returned"
      in
      raise
        (Errors.Error
           {
             message;
             sources = [];
             type_name = None;
             backtrace = None;
             cause = None;
           })

let create domain =
  (* [come_back] is [ignore]: [drive] looks for work before it sleeps, and Rust wakes it
     from its sleep. *)
  let executor = Executor.make ~is_of_lwt:false ignore in
  let t =
    {
      executor;
      socket = Unix.stdin;
      is_running = false;
      is_closed = false;
      has_socket = false;
    }
  in
  try
    match Raw.executor_create domain None executor with
    | Failed (exn, backtrace) -> Failure.raise (exn, backtrace)
    | Ready None ->
        (* Code that interrupted this call has made the executor. *)
        find ()
    | Ready (Some socket) ->
        t.socket <- socket;
        t.has_socket <- true;
        Domain.DLS.set key (Some t);
        (* If the domain runs its hooks already, OCaml would not call another one, and so
           [run] closes the executor. If no hook of ours has run before, [has_begun] is
           [false] even so, and the collector closes the executor. *)
        if not (Domain_end.has_begun ()) then
          Domain_end.run (fun () -> close domain t);
        Domain_end.keep (Outcome.get (Raw.executor_life (Some socket)));
        t
  with exn ->
    (* The handler of a signal has raised [exn]. The next call makes another executor. *)
    let backtrace = Printexc.get_raw_backtrace () in
    if t.has_socket then close domain t;
    Printexc.raise_with_backtrace exn backtrace

let attach () =
  let domain = Domain_id.self () in
  if Outcome.get (Raw.executor_attach domain false) then find ()
  else create domain

let sleep t =
  match Unix.read t.socket (Bytes.create 64) 0 64 with
  | (_ : int) -> ()
  | exception Unix.Unix_error (EINTR, _, _) -> ()

let rec drive t result =
  Executor.carry_out_left t.executor;
  match !result with
  | Some (Ok value) -> value
  | Some (Error failure) -> Failure.raise failure
  | None ->
      if Raw.executor_is_woken () then Executor.poll t.executor else sleep t;
      drive t result

let perform : type a. t -> (unit -> (a, Executor.t) Raw.call) -> a =
 fun t call ->
  let result = ref None in
  match call () with
  | Returned_unit -> Failure.leave ()
  | Returned value ->
      Failure.leave ();
      value
  | Raised (exn, backtrace) ->
      Failure.leave ();
      Failure.raise (exn, backtrace)
  | Pending pending as call -> (
      let id = pending.call in
      if id < 0 then
        invalid_arg "Lwt_rust.Executor.run: the call's promise was taken before";
      if pending.executor != t.executor then
        invalid_arg "Lwt_rust.Executor.run: the call was made in another domain";
      try
        pending.call <- -1;
        Executor.expect t.executor id result;
        Executor.begin_call call;
        Failure.leave ();
        drive t result
      with exn ->
        let backtrace = Printexc.get_raw_backtrace () in
        (* The future is dropped before the exception of the caller goes on. *)
        if Option.is_none !result then Executor.drop t.executor id;
        Printexc.raise_with_backtrace exn backtrace)

let close_if_ending t =
  if Domain_end.has_begun () then close (Domain_id.self ()) t

(* The handler of a signal may raise anywhere, so [is_running] is set where the exception
   is caught. *)
let run call =
  (* If another thread runs the domain's hooks, it has closed the executor, or will not
     know of a new one. It waits for this thread. *)
  if Domain_end.is_elsewhere () then raise Errors.Abandoned;
  let t = attach () in
  if t.is_running then
    invalid_arg
      "Lwt_rust.Executor.run: it is running in this domain already (in a \
       closure that Rust calls, return a promise instead), or a closure that \
       it has called performed an effect that nobody has resumed";
  try
    t.is_running <- true;
    let value = perform t call in
    t.is_running <- false;
    close_if_ending t;
    value
  with exn ->
    t.is_running <- false;
    let backtrace = Printexc.get_raw_backtrace () in
    close_if_ending t;
    Printexc.raise_with_backtrace exn backtrace
