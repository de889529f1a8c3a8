let wait_for promise : _ Raw.observed =
  match Raw.wait_begin promise with
  | -1 ->
      Rejected
        (Invalid_argument
           "a pending Lwt promise in a domain that runs no Lwt loop: nothing \
            can settle it there; call the function in the domain of the loop \
            (lwt_rust::LwtFn::in_domain, Lwt_rust.Executor.run_in_lwt)")
  | wait when wait < 0 ->
      Rejected (Failure "lwt_rust: too many Lwt promises are awaited at a time")
  | wait -> (
      try
        Lwt.on_any promise
          (fun value -> Outcome.get (Raw.wait_resolve wait value))
          (fun exn -> Outcome.get (Raw.wait_reject wait exn));
        Waiting wait
      with exn ->
        (* That of a signal's handler: Rust will not know of the wait. *)
        let backtrace = Printexc.get_raw_backtrace () in
        Outcome.get (Raw.wait_give_up wait);
        Printexc.raise_with_backtrace exn backtrace)

let observe promise : _ Raw.observed =
  match Lwt.state promise with
  | Return value -> Resolved value
  | Fail exn -> Rejected exn
  | Sleep -> wait_for promise

let show exn is_raised : Raw.shown =
  let backtrace =
    if is_raised then Some (Printexc.get_raw_backtrace ()) else None
  in
  Option.iter (Failure.let_through exn) backtrace;
  let name = Printexc.exn_slot_name exn in
  (* A printer that a library registered may raise. *)
  let message = try Printexc.to_string exn with _ -> name in
  let has_places backtrace = Printexc.raw_backtrace_length backtrace > 0 in
  let backtrace =
    match backtrace with
    | Some backtrace when has_places backtrace -> Some backtrace
    | Some _ | None -> None
  in
  (name, message, Errors.registered_name exn, backtrace)

let register () =
  Outcome.get
    (Raw.callbacks_register
       {
         attach_executor = Lwt_loop.attach;
         invoke = (fun f x -> observe (f x));
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
         show_exception = show;
         begin_domain = (fun () -> Domain_end.run ignore);
         make_timeout = (fun () -> Lwt_unix.Timeout);
         make_canceled = (fun () -> Lwt.Canceled);
       })
