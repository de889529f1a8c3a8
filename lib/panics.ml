let reporter : (Errors.panic -> unit) option ref = ref None

let set_reporter report =
  reporter := report;
  Outcome.get (Raw.panics_are_reported (Option.is_some report))

let print ({ message; location; backtrace = _ } : Errors.panic) =
  Printf.eprintf "lwt_rust: panicked at %s: %s\n%!" location message

let report () =
  let report = Option.value !reporter ~default:print in
  let all = List.rev (Outcome.get (Raw.panics_take ())) in
  List.iter
    (fun (message, location, backtrace) ->
      try report { Errors.message; location; backtrace }
      with exn when Lwt.Exception_filter.run exn ->
        !Lwt.async_exception_hook exn)
    all
