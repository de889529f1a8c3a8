let observe promise : _ Raw.observed =
  match Lwt.state promise with
  | Return value -> Resolved value
  | Fail exn -> Rejected exn
  | Sleep -> Waiting promise

let forward promise sink =
  let ignore_whether_first (_ : bool) = () in
  Lwt.on_any promise
    (fun value ->
      ignore_whether_first (Outcome.get (Raw.promise_resolve sink value)))
    (fun exn ->
      ignore_whether_first (Outcome.get (Raw.promise_reject sink exn)))

let show_exception exn =
  (* A printer that a library registered may raise. *)
  try Printexc.to_string exn with _ -> Printexc.exn_slot_name exn

let register () =
  Outcome.get
    (Raw.callbacks_register
       {
         attach_executor = Executor.attach;
         invoke = (fun f x -> observe (Lwt.apply f x));
         observe;
         forward;
         cancel = Lwt.cancel;
         make_error =
           (fun (message, sources, type_name, backtrace) ->
             Errors.Error { message; sources; type_name; backtrace });
         make_panic =
           (fun (message, location, backtrace) ->
             Errors.Panic { message; location; backtrace });
         make_abandoned = (fun () -> Errors.Abandoned);
         show_exception;
       })
