(* Collections between all steps. OCaml must neither free nor move a value that Rust holds
   without updating the root. *)

open Lwt.Syntax
open Support

let collect i =
  match i mod 3 with
  | 0 -> Gc.minor ()
  | 1 -> Gc.full_major ()
  | _ -> Gc.compact ()

(* If the collector lost track of such a value, it would overwrite it. *)
let value i = (i, string_of_int i, [ float_of_int i; 0.5 ])
let garbage () = ignore (Sys.opaque_identity (List.init 100 value))

let disturb i =
  garbage ();
  collect i

let check_value i v =
  if v <> value i then Alcotest.failf "value %d was damaged" i

let steps = 150

let rec each f i =
  if i = steps then Lwt.return_unit
  else
    let* () = f i in
    disturb i;
    each f (i + 1)

let calls i =
  let now = Rust.ready (value i) in
  disturb i;
  let later = Rust.yield 2 (value i) in
  disturb (i + 1);
  let* now = now in
  let* later = later in
  check_value i now;
  check_value i later;
  Lwt.return_unit

let closures i =
  let f (v : _ * _ * _) =
    disturb i;
    let* () = Lwt.pause () in
    disturb (i + 1);
    Lwt.return v
  in
  let* v = Rust.call f (value i) in
  check_value i v;
  let+ v = Rust.call_later f (value i) in
  check_value i v

let promises i =
  let promise = Lwt_rust.Promise.create () in
  if i mod 2 = 0 then Lwt_rust.Promise.resolve promise (value i);
  disturb i;
  let awaiting = Rust.await_portable promise in
  disturb (i + 1);
  if i mod 2 = 1 then Lwt_rust.Promise.resolve promise (value i);
  let+ v = awaiting in
  check_value i v

exception Value of (int * string * float list)

let exceptions i =
  let* result =
    result
      (Rust.call
         (fun () ->
           disturb i;
           raise (Value (value i)))
         ())
  in
  (match result with
  | Error (Value v) -> check_value i v
  | Error exn -> raise exn
  | Ok () -> Alcotest.fail "expected a rejection");
  Lwt.return_unit

let errors i =
  disturb i;
  let* result = Support.result (Rust.fail (i mod 2 = 0)) in
  match result with
  | Error (Lwt_rust.Error { message = "the outer error"; _ }) -> Lwt.return_unit
  | Error exn -> raise exn
  | Ok () -> Alcotest.fail "expected a rejection"

let conversions i =
  let text = String.make (i mod 40) 'x' in
  let+ a, b, c, d =
    Rust.convert (true, Some false) (i, i, i) (float_of_int i) (text, text)
  in
  if
    (a, b, c, d) <> ((true, Some false), (i, i, i), float_of_int i, (text, text))
  then Alcotest.failf "conversion %d was damaged" i

let alarms () =
  (* Collections at random moments. *)
  let* values =
    Lwt.all
      (List.init 3000 (fun i ->
           let* v =
             Rust.call_later
               (fun v ->
                 garbage ();
                 Lwt.return v)
               (value i)
           in
           if i mod 500 = 0 then Gc.compact ();
           Lwt.return v))
  in
  List.iteri check_value values;
  Lwt.return_unit

let () =
  Alcotest.run "gc_stress"
    [
      ( "collections between steps",
        [
          case "calls" (fun () -> each calls 0);
          case "closures" (fun () -> each closures 0);
          case "promises" (fun () -> each promises 0);
          case "exceptions" (fun () -> each exceptions 0);
          case "errors" (fun () -> each errors 0);
          case "conversions" (fun () -> each conversions 0);
          case "many at once" alarms;
        ] );
    ]
