let handler : (Errors.panic -> unit) option ref = ref None

let print ({ message; location; backtrace = _ } : Errors.panic) =
  let place = Option.fold location ~none:"" ~some:(( ^ ) " at ") in
  Printf.eprintf "lwt_rust: panicked%s: %s\n%!" place message

let report () =
  let handle = Option.value !handler ~default:print in
  let all = List.rev (Outcome.get (Raw.panics_take ())) in
  Reports.give
    (fun (message, location, backtrace) ->
      handle { Errors.message; location; backtrace })
    all

(* At exit, [report] is called for the panics that the loop has not reported. *)
let is_reported_at_exit = Atomic.make false

let on_panic chosen =
  if not (Atomic.exchange is_reported_at_exit true) then at_exit report;
  handler := chosen;
  Outcome.get (Raw.panics_are_reported (Option.is_some chosen))
