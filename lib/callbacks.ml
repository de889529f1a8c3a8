(* Rust calls [show] right after [exn] was raised, so the backtrace is its own. *)
let show exn =
  let backtrace = Printexc.get_raw_backtrace () in
  Failure.let_through exn backtrace;
  Errors.show exn (Some backtrace)

let register () =
  Outcome.get
    (Raw.callbacks_register
       {
         attach_executor = Lwt_loop.attach;
         capture_context = Context.capture;
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
         call_within = Context.call;
         make_stream = (fun stream -> Obj.repr (Stream.of_rust stream));
         make_sink = (fun sink -> Obj.repr (Sink.of_rust sink));
       })
