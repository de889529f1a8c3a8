open Description

(* The end of a text, where lines begin with [indent]. *)
type output = { buffer : Buffer.t; indent : string }

let inner output = { output with indent = output.indent ^ "  " }

let line output =
  Printf.ksprintf (function
    | "" -> Buffer.add_char output.buffer '\n'
    | text -> Printf.bprintf output.buffer "%s%s\n" output.indent text)

(* Ends a module, without an empty line before. *)
let end_ output =
  let length = Buffer.length output.buffer in
  if Buffer.sub output.buffer (length - 2) 2 = "\n\n" then
    Buffer.truncate output.buffer (length - 1);
  line output "end"

(* Writes a doc comment. *)
let doc output text =
  match Doc_comment.of_markdown text with
  | "" -> ()
  | text ->
      let lines = String.split_on_char '\n' text in
      List.iteri
        (fun i text ->
          let opening = if i = 0 then "(** " else "    " in
          let closing = if i = List.length lines - 1 then " *)" else "" in
          if text = "" && closing = "" then line output ""
          else line output "%s%s%s" opening text closing)
        lines

let header { crate; _ } =
  Printf.sprintf "(* Made by lwt-rust bindings from the crate %s. *)\n" crate

(* {1 Types} *)

let fields output fields =
  List.iter
    (fun { name; doc = text; ty } ->
      line output "%s : %s;" name ty;
      doc (inner output) text)
    fields

let constructors output mark constructors =
  let output = inner output in
  List.iter
    (fun { name; doc = text; arguments } ->
      let behind = inner (inner output) in
      (match arguments with
      | Types "" -> line output "| %s%s" mark name
      | Types types -> line output "| %s%s of %s" mark name types
      | Inline inline ->
          line output "| %s%s of {" mark name;
          fields behind inline;
          line (inner output) "}");
      doc behind text)
    constructors

let declaration output keyword
    { name; parameters; doc = text; same_as; definition; _ } =
  let name = if parameters = "" then name else parameters ^ " " ^ name in
  let manifest =
    match same_as with None -> "" | Some ty -> Printf.sprintf " = %s" ty
  in
  (match definition with
  | Abstract -> line output "%s %s%s" keyword name manifest
  | Alias ty -> line output "%s %s = %s" keyword name ty
  | Record record ->
      line output "%s %s%s = {" keyword name manifest;
      fields (inner output) record;
      line output "}"
  | Variant variant ->
      line output "%s %s%s =" keyword name manifest;
      constructors output "" variant
  | Polymorphic variant ->
      line output "%s %s = [" keyword name;
      constructors output "`" variant;
      line output "]");
  doc output text;
  line output ""

let group output =
  List.iteri (fun i -> declaration output (if i = 0 then "type" else "and"))

(* {1 Exceptions} *)

let exception_ output { name; arguments; _ } =
  match arguments with
  | Types "" -> line output "exception %s" name
  | Types types -> line output "exception %s of %s" name types
  | Inline inline ->
      line output "exception %s of {" name;
      fields (inner output) inline;
      line output "}"

let exceptions_interface output { doc = text; cases; _ } =
  doc output text;
  if text <> "" then line output "";
  List.iter
    (fun { same_as; exn } ->
      if same_as = None then (
        exception_ output exn;
        doc output exn.doc;
        line output ""))
    cases

(* Makes OCaml's compiler check that an exception of OCaml's has these
   arguments. An expression would be no check: OCaml takes a tuple for several
   arguments, and fields in any order. *)
let check output path exn =
  line output "module _ : sig";
  exception_ (inner output) exn;
  line output "end = struct";
  line output "  exception %s = %s" exn.name path;
  line output "end\n"

let exceptions_implementation output ({ cases; name; symbol; _ } as all) =
  exceptions_interface output { all with doc = "" };
  let constructor case =
    let path = Option.value case.same_as ~default:case.exn.name in
    if case.same_as <> None then check output path case.exn;
    Printf.sprintf "[%%extension_constructor %s]" path
  in
  let constructors = List.map constructor cases in
  line output "external %s :" name;
  line output "  extension_constructor array -> unit Lwt_rust.Call.direct";
  line output "    = \"%s\"\n" symbol;
  line output "let () =";
  line output "  Lwt_rust.Call.declare %s" name;
  line output "    [|";
  List.iter (line output "      %s;") constructors;
  line output "    |]\n"

(* {1 Functions} *)

(* The greatest width of a line. *)
let widest = 80

(* Writes [head : type], on several lines if it is long. *)
let declare output head types =
  let short = Printf.sprintf "%s : %s" head (String.concat " -> " types) in
  if String.length (output.indent ^ short) <= widest then line output "%s" short
  else (
    line output "%s :" head;
    let last = List.length types - 1 in
    List.iteri
      (fun i ty ->
        line (inner output) "%s%s" ty (if i = last then "" else " ->"))
      types)

(* The types of a function that takes its arguments by their places. *)
let by_place { parameters; result; _ } wrap =
  let argument { label; ty; _ } =
    match label with Optional -> ty ^ " option" | Positional | Labelled -> ty
  in
  let arguments =
    match parameters with [] -> [ "unit" ] | some -> List.map argument some
  in
  arguments @ [ wrap result ]

(* The parameters as OCaml has them: the optional ones first, and [None], for [()], if
   no other is without a label. *)
let in_order { parameters; _ } =
  let optional, others =
    List.partition (fun { label; _ } -> label = Optional) parameters
  in
  let is_positional { label; _ } = label = Positional in
  let last =
    if
      parameters = []
      || (optional <> [] && not (List.exists is_positional others))
    then [ None ]
    else []
  in
  List.map Option.some (optional @ others) @ last

let with_labels func wrap =
  let argument = function
    | None -> "unit"
    | Some { label = Positional; ty; _ } -> ty
    | Some { label = Labelled; name; ty } -> name ^ ":" ^ ty
    | Some { label = Optional; name; ty } -> "?" ^ name ^ ":" ^ ty
  in
  List.map argument (in_order func) @ [ wrap func.result ]

let call result = result ^ " Lwt_rust.Executor.call"
let promise result = result ^ " Lwt.t"

let direct result =
  let is_simple = not (String.exists (fun c -> c = '*' || c = '>') result) in
  (if is_simple then result else "(" ^ result ^ ")") ^ " Lwt_rust.Call.direct"

let external_ output func =
  let twin = Option.fold func.twin ~none:"" ~some:(Printf.sprintf "\"%s\" ") in
  let wrap = match func.way with Promise -> call | Direct -> direct in
  declare output ("external " ^ func.name) (by_place func wrap);
  line output "  = %s\"%s\"" twin func.symbol

let definition output func =
  let parameter = function
    | None -> "()"
    | Some { label = Positional; name; _ } -> name
    | Some { label = Labelled; name; _ } -> "~" ^ name
    | Some { label = Optional; name; _ } -> "?" ^ name
  in
  let parameters = String.concat " " (List.map parameter (in_order func)) in
  let arguments =
    match func.parameters with
    | [] -> "()"
    | some ->
        String.concat " "
          (List.map (fun (parameter : parameter) -> parameter.name) some)
  in
  let take = match func.way with Promise -> "promise" | Direct -> "value" in
  line output "let %s %s = Lwt_rust.Call.%s (Call.%s %s)" func.name parameters
    take func.name arguments

(* {1 Modules} *)

let rec structure output { items; exceptions; functions; _ } =
  List.iter
    (function
      | Group types -> group output types
      | Submodule (name, contents) ->
          line output "module %s = struct" name;
          structure (inner output) contents;
          end_ output;
          line output "")
    items;
  List.iter (exceptions_implementation output) exceptions;
  line output "module Call = struct";
  List.iter (external_ (inner output)) functions;
  line output "end\n";
  List.iter (definition output) functions

let rec signature output { items; exceptions; functions; _ } =
  List.iter
    (function
      | Group types -> group output types
      | Submodule (name, contents) ->
          doc output contents.doc;
          line output "module %s : sig" name;
          signature (inner output) contents;
          end_ output;
          line output "")
    items;
  List.iter (exceptions_interface output) exceptions;
  List.iter
    (fun func ->
      let wrap = match func.way with Promise -> promise | Direct -> Fun.id in
      declare output ("val " ^ func.name) (with_labels func wrap);
      doc output func.doc;
      line output "")
    functions;
  match List.filter (fun func -> func.way = Promise) functions with
  | [] -> ()
  | promises ->
      line output
        "(** The calls themselves, for [Lwt_rust.Executor.run] in domains \
         without Lwt. *)";
      line output "module Call : sig";
      List.iter
        (fun func ->
          declare (inner output) ("val " ^ func.name) (by_place func call))
        promises;
      line output "end"

let text description write =
  let buffer = Buffer.create 4096 in
  let output = { buffer; indent = "" } in
  line output "%s" (header description);
  write output;
  Buffer.contents buffer

let implementation ({ contents; _ } as description) =
  text description (fun output ->
      line output "%s" "[@@@alert \"-lwt_rust_generated\"]";
      (* Rust expects that records of one field are boxed, as they are by
         default. *)
      line output "%s" "[@@@warning \"-unboxable-type-in-prim-decl\"]\n";
      structure output contents)

let interface ({ contents; _ } as description) =
  text description (fun output ->
      doc output contents.doc;
      if contents.doc <> "" then line output "";
      signature output contents)
