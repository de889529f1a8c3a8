(* How the description of a crate becomes an OCaml module. *)

open Lwt_rust_bindings

let check_string = Alcotest.(check string)

let lines items =
  String.concat "" (List.map (fun item -> String.concat "\t" item ^ "\n") items)

let parse items =
  match Description.parse (lines items) with
  | Ok description -> description
  | Error problems -> Alcotest.fail (String.concat "; " problems)

let library = [ "library"; "krate"; "" ]
let interface items = Printer.interface (parse (library :: items))

(* {1 Doc comments} *)

let doc_comments () =
  let says markdown odoc =
    check_string markdown odoc (Doc_comment.of_markdown markdown)
  in
  says "Plain text." "Plain text.";
  says "Code: `a + b`." "Code: [a + b].";
  says "``a`b`` and `x[0]`" "[a`b] and [x\\[0\\]]";
  says "A link to [`Error`] and [that](crate::that)."
    "A link to [Error] and that.";
  says "[Lwt](https://example.org/lwt)" "{{:https://example.org/lwt} Lwt}";
  says "[`a`][b] [c]" "[a] c";
  says "**Bold** and *slanted*, 2 * 3 * 4" "{b Bold} and {i slanted}, 2 * 3 * 4";
  says "Braces {a}, an @ and \\* an escape"
    "Braces \\{a\\}, an \\@ and * an escape";
  says "See {!Lwt.t}." "See {!Lwt.t}.";
  says "# Errors\n\nIf it fails:\n- once,\n- or\n  twice."
    "{b Errors.}\n\nIf it fails:\n- once,\n- or\ntwice.";
  says "```\nlet {x} = [1]\n```\nafter" "{v\nlet {x} = [1]\nv}\nafter";
  says "```\nopen to the end" "{v\nopen to the end\nv}";
  says "An ` alone, a [ alone, ** alone, {! alone"
    "An ` alone, a \\[ alone, ** alone, \\{! alone"

(* {1 Types} *)

let order_of types =
  let types =
    List.map
      (fun (name, definition) ->
        { Description.name; doc = ""; same_as = None; definition })
      types
  in
  Type_order.groups types
  |> List.map (fun group ->
         String.concat "+"
           (List.map (fun (ty : Description.ty) -> ty.name) group))
  |> String.concat " "

let types_stand_behind_those_they_use () =
  let alias ty = Description.Alias ty in
  check_string "a chain" "c b a"
    (order_of [ ("a", alias "b list"); ("b", alias "c"); ("c", alias "int") ]);
  check_string "a circle" "d b+c a"
    (order_of
       [
         ("a", alias "b");
         ("b", alias "c * d");
         ("c", alias "(int, b) result");
         ("d", alias "float");
       ]);
  check_string "itself" "a" (order_of [ ("a", alias "a list") ]);
  check_string "others of the same name" "a t"
    (order_of [ ("a", alias "Other.t * 't"); ("t", alias "int") ])

let declarations () =
  check_string "an interface"
    "(* Made by lwt-rust bindings from the crate krate. *)\n\n\
     type color =\n\
    \  | Red\n\
    \      (** As blood. *)\n\
    \  | Rgb of int * int\n\
    \  | Named of {\n\
    \      name : string;\n\
    \        (** In English. *)\n\
    \    }\n\
     (** A colour. *)\n\n\
     val paint : color -> unit Lwt.t\n\n\
     val mix :\n\
    \  (color -> color -> color) ->\n\
    \  (color * color) list ->\n\
    \  color option ->\n\
    \  (color, string) result\n\
     (** Mixes\n\
    \    colours. *)\n\n\
     (** The calls themselves, for {!Lwt_rust.Executor.run} in domains without \
     Lwt. *)\n\
     module Call : sig\n\
    \  val paint : color -> unit Lwt_rust.Call.t\n\
     end\n"
    (interface
       [
         [ "type"; "color"; "variant"; ""; "A colour." ];
         [ "constructor"; "Red"; "As blood."; "" ];
         [ "constructor"; "Rgb"; ""; "int * int" ];
         [ "constructor"; "Named"; ""; "" ];
         [ "inline"; "name"; "In English."; "string" ];
         [ "function"; "paint"; "krate_paint"; "promise"; ""; "unit" ];
         [ "argument"; "color"; "color" ];
         [
           "function";
           "mix";
           "krate_mix";
           "direct";
           "Mixes\\ncolours.";
           "(color, string) result";
         ];
         [ "argument"; "f"; "(color -> color -> color)" ];
         [ "argument"; "pairs"; "(color * color) list" ];
         [ "argument"; "last"; "color option" ];
       ])

(* {1 What is wrong} *)

let problems items =
  match Description.parse (lines items) with
  | Ok _ -> Alcotest.fail "nothing is wrong"
  | Error problems -> String.concat "; " problems

let problems_are_told () =
  check_string "Rust's" "this; that"
    (problems [ library; [ "problem"; "this" ]; [ "problem"; "that" ] ]);
  let strange what items =
    check_string what
      (Printf.sprintf
         "the library's description of itself cannot be read (at \"%s\"): the \
          crate lwt-rust and this command must be of one release"
         what)
      (problems items)
  in
  strange "new item" [ library; [ "new"; "item" ] ];
  strange "kind" [ library; [ "type"; "t"; "kind"; ""; "" ] ];
  strange "way" [ library; [ "function"; "f"; "s"; "way"; ""; "unit" ] ];
  strange "\\x" [ library; [ "problem"; "\\x" ] ]

let libraries_are_refused () =
  let refused what path =
    match Load.description path with
    | Ok _ -> Alcotest.failf "%s was loaded" path
    | Error message ->
        let contains part =
          let n = String.length part in
          let rec at i =
            i + n <= String.length message
            && (String.sub message i n = part || at (i + 1))
          in
          at 0
        in
        Alcotest.(check bool) message true (contains what)
  in
  refused "missing.so" "missing.so";
  (* Our own stubs have no functions for OCaml. *)
  refused "it has to name them, with lwt_rust::library!" Sys.argv.(1)

let case name body = Alcotest.test_case name `Quick body

let () =
  Alcotest.run
    ~argv:[| Sys.argv.(0) |]
    "bindings"
    [
      ("comments", [ case "from Rust's to OCaml's" doc_comments ]);
      ( "types",
        [
          case "stand behind those they use" types_stand_behind_those_they_use;
          case "are declared" declarations;
        ] );
      ( "problems",
        [
          case "are told" problems_are_told;
          case "of libraries" libraries_are_refused;
        ] );
    ]
