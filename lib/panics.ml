let handler : (Errors.panic -> unit) option ref = ref None

let print ({ message; location; backtrace = _ } : Errors.panic) =
  let place = Option.fold location ~none:"" ~some:(( ^ ) " at ") in
  Printf.eprintf "lwt_rust: panicked%s: %s\n%!" place message

let report () =
  let handle = Option.value !handler ~default:print in
  let all = List.rev (Outcome.get (Raw.panics_take ())) in
  List.iter
    (fun (message, location, backtrace) ->
      try handle { Errors.message; location; backtrace }
      with exn when Lwt.Exception_filter.run exn ->
        !Lwt.async_exception_hook exn)
    all

(* At exit, [report] is called for the panics that the loop has not reported. *)
let is_reported_at_exit = Atomic.make false

let on_panic chosen =
  if not (Atomic.exchange is_reported_at_exit true) then at_exit report;
  handler := chosen;
  Outcome.get (Raw.panics_are_reported (Option.is_some chosen))
