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
