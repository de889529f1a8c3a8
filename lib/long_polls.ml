type t = { name : string; seconds : float }

let handler : (t -> unit) ref = ref ignore

let report () =
  let all = List.rev (Outcome.get (Raw.polls_take ())) in
  Reports.give (fun (name, seconds) -> !handler { name; seconds }) all

let on_long_poll ?(limit = 0.1) chosen =
  if not (limit >= 0. && limit <= 1e9) then
    invalid_arg
      "Lwt_rust.Runtime.on_long_poll: the limit must be between 0 and 1e9 \
       seconds";
  handler := Option.value chosen ~default:ignore;
  Outcome.get (Raw.polls_are_reported (Option.map (fun _ -> limit) chosen))
