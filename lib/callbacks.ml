(* Rust calls [show] right after [exn] was raised, so the backtrace is its own. *)
let show exn =
  let backtrace = Printexc.get_raw_backtrace () in
  Failure.let_through exn backtrace;
  Errors.show exn (Some backtrace)

(* The state of Lwt, of which the values of [Lwt.with_value] are a part, belongs to the
   domain of the loop. *)
let capture_context () =
  if Lwt_loop.may_be_here () then Context.capture () else Raw.Nowhere

let in_lwt () =
  if not (Lwt_loop.may_be_here ()) then
    invalid_arg
      "Lwt_rust: Rust would give a promise to this domain, which runs no Lwt \
       loop"

let make_promise cancel =
  in_lwt ();
  let promise, resolver = Lwt.task () in
  Lwt.on_cancel promise cancel;
  let reject failure =
    Failure.note failure;
    Lwt.return (Lwt.wakeup_exn resolver (fst failure))
  in
  let abandon () =
    Lwt.return
      (if Lwt.is_sleeping promise then Lwt.wakeup_exn resolver Errors.Abandoned)
  in
  ( promise,
    (fun value -> Lwt.return (Lwt.wakeup resolver value)),
    reject,
    abandon )

let register () =
  Outcome.get
    (Raw.callbacks_register
       {
         attach_executor = Lwt_loop.attach;
         capture_context;
         make_error =
           (fun (message, sources, type_name, backtrace, cause) ->
             Errors.Error { message; sources; type_name; backtrace; cause });
         make_unix_error = (fun error -> Unix.Unix_error (error, "", ""));
         make_panic =
           (fun (message, location, backtrace) ->
             Errors.Panic { message; location; backtrace });
         make_abandoned = (fun () -> Errors.Abandoned);
         show_exception = show;
         begin_domain = (fun () -> Domain_end.run ignore);
         make_timeout = (fun () -> Lwt_unix.Timeout);
         make_canceled = (fun () -> Lwt.Canceled);
         call_within =
           (fun context f argument ->
             if
               Lwt_loop.may_be_here ()
               && not (Lwt_loop.is_beside_this_thread ())
             then Context.call context f argument
             else f argument);
         make_stream = (fun stream -> Obj.repr (Stream.of_rust stream));
         make_sink =
           (fun sink has_flush -> Obj.repr (Sink.of_rust sink ~has_flush));
         make_input = Io.input;
         make_output = Io.output;
         read_input = Io.read;
         write_output = Io.write;
         flush_output = (fun (channel, ()) -> Lwt_io.flush channel);
         close_output = (fun (channel, ()) -> Lwt_io.close channel);
         call_with_tuple = (fun (f, arguments) -> Curried.call f arguments);
         make_promise;
         make_function =
           (fun f arity is_later ->
             Curried.of_tuple arity
               (if is_later then (fun arguments ->
                  in_lwt ();
                  Obj.repr (Call.promise (Raw.function_begin f arguments)))
                else fun arguments -> Call.value (Raw.function_call f arguments)));
       })
