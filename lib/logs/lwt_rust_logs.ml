module L = Lwt_rust.Log

let pp_field ppf (name, value) = Format.fprintf ppf "%s=%s" name value

let pp_fields =
  Format.pp_print_list ~pp_sep:(fun ppf () -> Format.fprintf ppf " ") pp_field

let pp_span ppf (name, fields) =
  match fields with
  | [] -> Format.pp_print_string ppf name
  | _ :: _ -> Format.fprintf ppf "%s{%a}" name pp_fields fields

let pp_spans =
  Format.pp_print_list ~pp_sep:(fun ppf () -> Format.fprintf ppf ": ") pp_span

let target = Logs.Tag.def "target" Format.pp_print_string
let fields = Logs.Tag.def "fields" pp_fields
let spans = Logs.Tag.def "spans" pp_spans
let location = Logs.Tag.def "location" Format.pp_print_string
let time = Logs.Tag.def "time" (fun ppf time -> Format.fprintf ppf "%.3f" time)

(* {1 Sources} *)

let is_within target path =
  String.starts_with ~prefix:path target
  && (String.length target = String.length path
     || String.starts_with ~prefix:(path ^ "::") target)

(* The part before the first ["::"]. *)
let crate_of target =
  let rec part start =
    match String.index_from_opt target start ':' with
    | None -> target
    | Some colon ->
        let crate = String.sub target 0 colon in
        if is_within target crate then crate else part (colon + 1)
  in
  part 0

(* A program may make up targets. *)
let most_targets = 1000
let other = lazy (Logs.Src.create "rust" ~doc:"Rust, of other targets")

(* The sources of the targets that have come. *)
let known : (string, Logs.src) Hashtbl.t = Hashtbl.create 16

(* All sources, when [known] was filled. *)
let seen = ref []

let find target =
  let length src = String.length (Logs.Src.name src) in
  List.fold_left
    (fun found src ->
      match found with
      | Some before when length before >= length src -> found
      | Some _ | None ->
          if is_within target (Logs.Src.name src) then Some src else found)
    None (Logs.Src.list ())

let make target =
  match find target with
  | Some src -> src
  | None when Hashtbl.length known >= most_targets -> Lazy.force other
  | None ->
      let crate = crate_of target in
      Logs.Src.create crate ~doc:("the Rust crate " ^ crate)

let source target =
  (* The program may have made a source that fits better. *)
  if !seen != Logs.Src.list () then Hashtbl.reset known;
  match Hashtbl.find_opt known target with
  | Some src -> src
  | None ->
      let src = make target in
      if Hashtbl.length known < most_targets then
        Hashtbl.replace known target src;
      seen := Logs.Src.list ();
      src

(* {1 Levels} *)

let shows_trace = ref false

let level_of_rust : Logs.level option -> L.level option = function
  | None | Some App -> None
  | Some Error -> Some Error
  | Some Warning -> Some Warning
  | Some Info -> Some Info
  | Some Debug -> Some (if !shows_trace then Trace else Debug)

(* The levels that Rust knows. *)
let default = ref None
let levels : (Logs.src * Logs.level option) list ref = ref []
let sources = ref []

let is_up_to_date () =
  !default = Logs.level ()
  && !sources == Logs.Src.list ()
  && List.for_all (fun (src, level) -> Logs.Src.level src = level) !levels

let tell_levels () =
  default := Logs.level ();
  sources := Logs.Src.list ();
  levels := List.map (fun src -> (src, Logs.Src.level src)) !sources;
  let targets =
    List.map
      (fun (src, level) -> (Logs.Src.name src, level_of_rust level))
      !levels
  in
  L.set_levels ~targets (level_of_rust !default)

let refresh () = if not (is_up_to_date ()) then tell_levels ()

(* {1 Records} *)

let level_of_logs : L.level -> Logs.level = function
  | Error -> Error
  | Warning -> Warning
  | Info -> Info
  | Debug | Trace -> Debug

let tags (record : L.record) =
  let add_unless_empty tag list tags =
    match list with [] -> tags | _ :: _ -> Logs.Tag.add tag list tags
  in
  let add_option tag value tags =
    Option.fold value ~none:tags ~some:(fun value ->
        Logs.Tag.add tag value tags)
  in
  Logs.Tag.empty
  |> Logs.Tag.add target record.target
  |> Logs.Tag.add time record.time
  |> add_unless_empty fields record.fields
  |> add_unless_empty spans record.spans
  |> add_option location record.location

let pp_text ~shows_fields ppf (record : L.record) =
  if shows_fields && record.spans <> [] then
    Format.fprintf ppf "%a: " pp_spans record.spans;
  Format.pp_print_string ppf record.message;
  if shows_fields && record.fields <> [] then (
    if record.message <> "" then Format.pp_print_char ppf ' ';
    pp_fields ppf record.fields)

let own = Logs.Src.create "lwt_rust" ~doc:"lwt_rust itself"
let dropped_before = ref 0

let warn_of_dropped () =
  let dropped = L.dropped () in
  let more = dropped - !dropped_before in
  dropped_before := dropped;
  if more > 0 then
    Logs.warn ~src:own (fun m ->
        m "%d records were dropped: too many waited for the Lwt loop" more)

let report ~shows_fields (record : L.record) =
  warn_of_dropped ();
  Logs.msg ~src:(source record.target) (level_of_logs record.level) (fun m ->
      m ~tags:(tags record) "%a" (pp_text ~shows_fields) record)

let has_hook = ref false

let start ?capacity ?(fields = true) ?(trace = false) () =
  shows_trace := trace;
  dropped_before := L.dropped ();
  L.start ?capacity (report ~shows_fields:fields);
  tell_levels ();
  if not !has_hook then (
    has_hook := true;
    ignore (Lwt_main.Leave_iter_hooks.add_last refresh))
