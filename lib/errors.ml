type error = {
  message : string;
  sources : string list;
  type_name : string;
  backtrace : string option;
}

type panic = { message : string; location : string; backtrace : string option }

exception Error of error
exception Panic of panic
exception Abandoned

let with_backtrace text = function
  | None -> text
  | Some backtrace -> text ^ "\n" ^ backtrace

let () =
  Printexc.register_printer (function
    | Error { message; sources; type_name = _; backtrace } ->
        let causes =
          List.map (fun source -> "\n  caused by: " ^ source) sources
        in
        let text = String.concat "" ("Lwt_rust.Error: " :: message :: causes) in
        Some (with_backtrace text backtrace)
    | Panic { message; location; backtrace } ->
        let text =
          Printf.sprintf "Lwt_rust.Panic: %s, at %s" message location
        in
        Some (with_backtrace text backtrace)
    | Abandoned ->
        Some "Lwt_rust.Abandoned: nothing is left that could settle the promise"
    | _ -> None)

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
  (* A printer that a library registered may raise. *)
  let message = try Printexc.to_string exn with _ -> name in
  let has_places backtrace = Printexc.raw_backtrace_length backtrace > 0 in
  let backtrace =
    match backtrace with
    | Some backtrace when has_places backtrace -> Some backtrace
    | Some _ | None -> None
  in
  { exn; name; message; registered = registered_name exn; backtrace }
