type error = {
  message : string;
  sources : string list;
  type_name : string option;
  backtrace : string option;
  cause : exn option;
}

type panic = {
  message : string;
  location : string option;
  backtrace : string option;
}

exception Error of error
exception Panic of panic
exception Abandoned

(* Whether a module has exceptions that stand for Rust errors. *)
let are_declared = Atomic.make false

let message_of_rust exn =
  if not (Atomic.get are_declared) then None
  else
    match Raw.exception_message exn with
    | Ready message -> message
    | Failed _ -> None

(* Without the backtrace. *)
let text = function
  | Error { message; sources; _ } ->
      let causes =
        List.map (fun source -> "\n  caused by: " ^ source) sources
      in
      Some (String.concat "" ("Lwt_rust.Error: " :: message :: causes))
  | Panic { message; location; _ } ->
      let place = Option.fold location ~none:"" ~some:(( ^ ) ", at ") in
      Some ("Lwt_rust.Panic: " ^ message ^ place)
  | Abandoned ->
      Some "Lwt_rust.Abandoned: nothing is left that could settle the promise"
  | exn ->
      let name = Printexc.exn_slot_name exn in
      Option.map (fun text -> name ^ ": " ^ text) (message_of_rust exn)

let backtrace = function
  | Error { backtrace = Some backtrace; _ }
  | Panic { backtrace = Some backtrace; _ } ->
      "\n" ^ backtrace
  | _ -> ""

let () =
  Printexc.register_printer (fun exn ->
      Option.map (fun text -> text ^ backtrace exn) (text exn))

let registered : (Obj.Extension_constructor.t * string) list Atomic.t =
  Atomic.make []

let rec register_exception name exn =
  let constructor = Obj.Extension_constructor.of_val exn in
  let before = Atomic.get registered in
  let others = List.filter (fun (known, _) -> known != constructor) before in
  let after = (constructor, name) :: others in
  if not (Atomic.compare_and_set registered before after) then
    register_exception name exn

let registered_name exn =
  match Atomic.get registered with
  | [] -> None
  | all -> List.assq_opt (Obj.Extension_constructor.of_val exn) all

let show exn backtrace : Raw.shown =
  let name = Printexc.exn_slot_name exn in
  let message =
    match text exn with
    | Some text -> text
    | None -> (
        (* A printer that a library registered may raise. *)
        try Printexc.to_string exn with _ -> name)
  in
  let has_places backtrace = Printexc.raw_backtrace_length backtrace > 0 in
  let backtrace =
    match backtrace with
    | Some backtrace when has_places backtrace -> Some backtrace
    | Some _ | None -> None
  in
  let unix_error =
    match exn with Unix.Unix_error (error, _, _) -> Some error | _ -> None
  in
  let registered = registered_name exn in
  { exn; name; message; registered; backtrace; unix_error }
