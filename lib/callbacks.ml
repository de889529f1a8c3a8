let observe promise wait : _ Raw.observed =
  match Lwt.state promise with
  | Return value -> Resolved value
  | Fail exn -> Rejected exn
  | Sleep ->
      Lwt.on_any promise
        (fun value -> Outcome.get (Raw.wait_resolve wait value))
        (fun exn -> Outcome.get (Raw.wait_reject wait exn));
      Waiting promise

let show_exception exn =
  let name = Printexc.exn_slot_name exn in
  (* A printer that a library registered may raise. *)
  (name, try Printexc.to_string exn with _ -> name)

let register () =
  Outcome.get
    (Raw.callbacks_register
       {
         attach_executor = Executor.attach;
         invoke = (fun f x wait -> observe (Lwt.apply f x) wait);
         observe;
         cancel = Lwt.cancel;
         make_error =
           (fun (message, sources, type_name, backtrace) ->
             Errors.Error { message; sources; type_name; backtrace });
         make_unix_error = (fun error -> Unix.Unix_error (error, "", ""));
         make_panic =
           (fun (message, location, backtrace) ->
             Errors.Panic { message; location; backtrace });
         make_abandoned = (fun () -> Errors.Abandoned);
         show_exception;
       })
