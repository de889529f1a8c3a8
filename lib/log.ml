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

(* The most records that Rust gives at once. *)
let portion = 64

(* Returns whether there were any. *)
let report_some () =
  match Outcome.get (Raw.logs_take ()) with
  | [] -> false
  | records ->
      Reports.give !handler (List.rev records);
      true

(* The last pause that was made for [go_on]. *)
let coming = ref Lwt.return_unit

let is_coming () =
  Lwt.paused_count () > 0
  && match Lwt.state !coming with Sleep -> true | Return () | Fail _ -> false

(* If there are many, the loop has a turn after each portion. Lwt 5 has one list of pauses for
   all domains, so another domain may run the callback. *)
let rec go_on () =
  if report_some () && Outcome.get (Raw.logs_are_waiting ()) then
    if not (is_coming ()) then (
      let domain = Domain_id.self () in
      coming := Lwt.pause ();
      Lwt.on_success !coming (fun () ->
          if domain = Domain_id.self () then go_on ()))

(* New records make the loop report, too. If each report went on by itself, the turns would
   get longer and longer while Rust logs. *)
let report () = if not (is_coming ()) then go_on ()

(* The greatest number of records that wait. *)
let room = ref 0

(* [handler] may make Rust log again, and the program has to end. So this reports as many
   records as may have waited at first. *)
let flush () =
  let rec flush left =
    if left > 0 && report_some () then flush (left - portion)
  in
  flush !room

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
  room := max !room capacity;
  Outcome.get (Raw.logs_start capacity);
  if not (Atomic.exchange is_flushed_at_exit true) then at_exit flush

let dropped () = Outcome.get (Raw.logs_dropped ())
