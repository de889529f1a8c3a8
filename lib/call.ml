type 'a t = ('a, Executor.t) Raw.call

(* A pending call whose promise was taken has [taken id], which is negative, in place of
   its number. [taken] is its own inverse. *)
let taken = lnot
let no_promise = Lwt.fail Errors.Abandoned

let take : type a. a t -> a Lwt.t =
 fun call ->
  match call with
  | Returned_unit -> Lwt.return_unit
  | Returned value -> Lwt.return value
  | Raised (exn, backtrace) ->
      Failure.note (exn, backtrace);
      Lwt.fail exn
  | Pending call as pending ->
      let id = call.call in
      if id < 0 then
        invalid_arg "Lwt_rust.Call.promise: the promise was taken before";
      if not (Lwt_loop.is_here () || Lwt_loop.has_made call.executor) then
        invalid_arg
          "Lwt_rust.Call.promise: this domain runs no Lwt loop; take what the \
           call gives with Lwt_rust.Executor.run";
      let executor = call.executor in
      let promise = ref no_promise in
      (try
         call.call <- taken id;
         let wait () =
           (* The closure captures [call], which exists already, and so it is small. *)
           promise :=
             Executor.wait executor id ~on_cancel:(fun () ->
                 Executor.cancelled call.executor (taken call.call))
         in
         match call.actions with
         | Nothing -> wait ()
         | _ ->
             (* The result may come now. No promise is there yet, so Lwt runs no callbacks. A
                thread that does not run the loop would run those that the loop has
                deferred. *)
             Executor.begin_call pending;
             if Lwt_loop.is_here () then wait ()
             else (* An action has shut Rust down. *)
               promise := Lwt.fail Errors.Abandoned
       with exn ->
         (* The handler of a signal has raised [exn], or a continuation. Nobody gets the
            promise. *)
         let backtrace = Printexc.get_raw_backtrace () in
         if !promise == no_promise then Executor.drop executor id
         else Lwt.cancel !promise;
         Printexc.raise_with_backtrace exn backtrace);
      !promise

let promise : type a. a t -> a Lwt.t =
 fun call ->
  let promise = take call in
  if Failure.has_escaped () then (
    try Failure.leave ()
    with exn ->
      let backtrace = Printexc.get_raw_backtrace () in
      Lwt.cancel promise;
      Printexc.raise_with_backtrace exn backtrace);
  promise

type 'a direct = 'a Raw.outcome

let value call =
  Failure.leave ();
  Outcome.get call

let declare register constructors =
  Outcome.get (register constructors);
  Atomic.set Errors.are_declared true
