type level = Raw.level = Error | Warning | Info | Debug | Trace

type record = Raw.record = {
  level : level;
  target : string;
  message : string;
  fields : (string * string) list;
  spans : (string * (string * string) list) list;
  location : string option;
  time : float;
}

let handler : (record -> unit) ref = ref ignore

(* Returns whether there were any. *)
let report_some () =
  match Outcome.get (Raw.logs_take ()) with
  | [] -> false
  | records ->
      Reports.give !handler (List.rev records);
      true

(* If there are many, the loop has a turn after each portion. *)
let rec report () =
  if report_some () && Outcome.get (Raw.logs_are_waiting ()) then
    Lwt.on_success (Lwt.pause ()) report

let rec flush () = if report_some () then flush ()
let is_flushed_at_exit = Atomic.make false

let number = function
  | None -> 0
  | Some Error -> 1
  | Some Warning -> 2
  | Some Info -> 3
  | Some Debug -> 4
  | Some Trace -> 5

let set_levels ?(targets = []) level =
  let number_of (target, level) = (target, number level) in
  Outcome.get (Raw.logs_set_levels (number level) (List.map number_of targets))

let start ?(capacity = 1024) handle =
  if capacity < 1 || capacity > 1_000_000 then
    invalid_arg
      "Lwt_rust.Log.start: the capacity must be between 1 and 1,000,000";
  handler := handle;
  Outcome.get (Raw.logs_start capacity);
  if not (Atomic.exchange is_flushed_at_exit true) then at_exit flush

let dropped () = Outcome.get (Raw.logs_dropped ())
