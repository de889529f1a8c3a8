open Description

let line buffer format = Printf.bprintf buffer (format ^^ "\n")

(* Writes a doc comment, indented by [indent]. *)
let doc buffer indent text =
  match Doc_comment.of_markdown text with
  | "" -> ()
  | text ->
      let lines = String.split_on_char '\n' text in
      List.iteri
        (fun i text ->
          let opening = if i = 0 then "(** " else "    " in
          let closing = if i = List.length lines - 1 then " *)" else "" in
          if text = "" && closing = "" then line buffer ""
          else line buffer "%s%s%s%s" indent opening text closing)
        lines

let header { crate; _ } =
  Printf.sprintf "(* Made by lwt-rust bindings from the crate %s. *)\n" crate

(* {1 Types} *)

let fields buffer indent fields =
  List.iter
    (fun { name; doc = text; ty } ->
      line buffer "%s%s : %s;" indent name ty;
      doc buffer (indent ^ "  ") text)
    fields

let constructors buffer mark constructors =
  List.iter
    (fun { name; doc = text; arguments } ->
      (match arguments with
      | Types "" -> line buffer "  | %s%s" mark name
      | Types types -> line buffer "  | %s%s of %s" mark name types
      | Inline inline ->
          line buffer "  | %s%s of {" mark name;
          fields buffer "      " inline;
          line buffer "    }");
      doc buffer "      " text)
    constructors

let declaration buffer keyword
    { name; parameters; doc = text; same_as; definition; _ } =
  let name = if parameters = "" then name else parameters ^ " " ^ name in
  let manifest =
    match same_as with None -> "" | Some ty -> Printf.sprintf " = %s" ty
  in
  (match definition with
  | Abstract -> line buffer "%s %s%s" keyword name manifest
  | Alias ty -> line buffer "%s %s = %s" keyword name ty
  | Record record ->
      line buffer "%s %s%s = {" keyword name manifest;
      fields buffer "  " record;
      line buffer "}"
  | Variant variant ->
      line buffer "%s %s%s =" keyword name manifest;
      constructors buffer "" variant
  | Polymorphic variant ->
      line buffer "%s %s = [" keyword name;
      constructors buffer "`" variant;
      line buffer "]");
  doc buffer "" text;
  line buffer ""

let types buffer types =
  List.iter
    (List.iteri (fun i ty ->
         declaration buffer (if i = 0 then "type" else "and") ty))
    (Type_order.groups types)

(* {1 Exceptions} *)

let exception_ buffer indent { name; arguments; _ } =
  match arguments with
  | Types "" -> line buffer "%sexception %s" indent name
  | Types types -> line buffer "%sexception %s of %s" indent name types
  | Inline inline ->
      line buffer "%sexception %s of {" indent name;
      fields buffer (indent ^ "  ") inline;
      line buffer "%s}" indent

let exceptions_interface buffer { doc = text; cases; _ } =
  doc buffer "" text;
  if text <> "" then line buffer "";
  List.iter
    (fun { same_as; exn } ->
      if same_as = None then (
        exception_ buffer "" exn;
        doc buffer "" exn.doc;
        line buffer ""))
    cases

(* Makes OCaml's compiler check that an exception of OCaml's has these
   arguments. An expression would be no check: OCaml takes a tuple for several
   arguments, and fields in any order. *)
let check buffer path exn =
  line buffer "module _ : sig";
  exception_ buffer "  " exn;
  line buffer "end = struct";
  line buffer "  exception %s = %s" exn.name path;
  line buffer "end\n"

let exceptions_implementation buffer ({ cases; name; symbol; _ } as all) =
  exceptions_interface buffer { all with doc = "" };
  let constructor case =
    let path = Option.value case.same_as ~default:case.exn.name in
    if case.same_as <> None then check buffer path case.exn;
    Printf.sprintf "[%%extension_constructor %s]" path
  in
  let constructors = List.map constructor cases in
  line buffer "external %s :" name;
  line buffer "  extension_constructor array -> unit Lwt_rust.Call.direct";
  line buffer "    = \"%s\"\n" symbol;
  line buffer "let () =";
  line buffer "  Lwt_rust.Call.declare %s" name;
  line buffer "    [|";
  List.iter (line buffer "      %s;") constructors;
  line buffer "    |]\n"

(* {1 Functions} *)

(* The greatest width of a line. *)
let widest = 80

(* Writes [head : type], on several lines if it is long. *)
let declare buffer indent head { parameters; result; _ } wrap =
  let types =
    match parameters with [] -> [ "unit" ] | some -> List.map snd some
  in
  let types = types @ [ wrap result ] in
  let short =
    Printf.sprintf "%s%s : %s" indent head (String.concat " -> " types)
  in
  if String.length short <= widest then line buffer "%s" short
  else
    line buffer "%s%s :\n%s  %s" indent head indent
      (String.concat (Printf.sprintf " ->\n%s  " indent) types)

let call result = result ^ " Lwt_rust.Executor.call"
let promise result = result ^ " Lwt.t"

let direct result =
  let is_simple = not (String.exists (fun c -> c = '*' || c = '>') result) in
  (if is_simple then result else "(" ^ result ^ ")") ^ " Lwt_rust.Call.direct"

let external_ buffer func =
  let twin = Option.fold func.twin ~none:"" ~some:(Printf.sprintf "\"%s\" ") in
  let wrap = match func.way with Promise -> call | Direct -> direct in
  declare buffer "  " ("external " ^ func.name) func wrap;
  line buffer "    = %s\"%s\"" twin func.symbol

let definition buffer func =
  let parameters =
    match func.parameters with
    | [] -> "()"
    | some -> String.concat " " (List.map fst some)
  in
  let take = match func.way with Promise -> "promise" | Direct -> "value" in
  line buffer "let %s %s = Lwt_rust.Call.%s (Call.%s %s)" func.name parameters
    take func.name parameters

let implementation description =
  let buffer = Buffer.create 4096 in
  line buffer "%s" (header description);
  line buffer "%s" "[@@@alert \"-lwt_rust_generated\"]\n";
  types buffer description.types;
  List.iter (exceptions_implementation buffer) description.exceptions;
  line buffer "module Call = struct";
  List.iter (external_ buffer) description.functions;
  line buffer "end\n";
  List.iter (definition buffer) description.functions;
  Buffer.contents buffer

let interface description =
  let buffer = Buffer.create 4096 in
  line buffer "%s" (header description);
  doc buffer "" description.doc;
  if description.doc <> "" then line buffer "";
  types buffer description.types;
  List.iter (exceptions_interface buffer) description.exceptions;
  List.iter
    (fun func ->
      let wrap = match func.way with Promise -> promise | Direct -> Fun.id in
      declare buffer "" ("val " ^ func.name) func wrap;
      doc buffer "" func.doc;
      line buffer "")
    description.functions;
  (match List.filter (fun func -> func.way = Promise) description.functions with
  | [] -> ()
  | promises ->
      line buffer
        "(** The calls themselves, for [Lwt_rust.Executor.run] in domains \
         without Lwt. *)";
      line buffer "module Call : sig";
      List.iter
        (fun func -> declare buffer "  " ("val " ^ func.name) func call)
        promises;
      line buffer "end");
  Buffer.contents buffer
