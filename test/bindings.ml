(* How the description of a crate becomes an OCaml module. *)

open Lwt_rust_bindings

let check_string = Alcotest.(check string)

let contains text part =
  let n = String.length part in
  let rec at i =
    i + n <= String.length text && (String.sub text i n = part || at (i + 1))
  in
  at 0

let check_contains text part =
  Alcotest.(check bool) (part ^ " in " ^ text) true (contains text part)

(* The records of a crate, in short form: this adds the crate and the path to the type of
   a function, and uses its name as its symbol. *)
let record = function
  | [ "function"; name; way; doc; result ] :: arguments ->
      [
        "function";
        "krate";
        "";
        "krate::" ^ name;
        name;
        name;
        "";
        way;
        doc;
        result;
      ]
      :: arguments
  | items -> items

let names = function
  | ("function" :: name :: _) :: _ -> Some [ "names"; name ]
  | [ "exceptions"; _; _; _; symbol; _ ] :: _ -> Some [ "names"; symbol ]
  | _ -> None

(* Reads the crate [krate], whose library names all functions of [records]. *)
let read records =
  let library =
    [ "library"; "krate"; "krate"; "" ] :: List.filter_map names records
  in
  Library.read ~crate:"krate" (library :: List.map record records)

let parse records =
  match read records with
  | Ok description -> description
  | Error problems -> Alcotest.fail (String.concat "; " problems)

let interface records = Printer.interface (parse records)

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
  says "An end *)" "An end * )";
  says "A beginning (*" "A beginning ( *";
  says "\"Whole\" strings" "\"Whole\" strings";
  says "A \" alone, 2 \"" "A \" alone, 2 \"";
  says "A \" alone" "A '' alone";
  says "`{|` and `{id|`" "[{ |] and [{ id|]";
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
        {
          Description.path = name;
          name;
          parameters = "";
          doc = "";
          same_as = None;
          definition;
        })
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
    (order_of
       [ ("a", alias "{b} list"); ("b", alias "{c}"); ("c", alias "int") ]);
  check_string "a circle" "d b+c a"
    (order_of
       [
         ("a", alias "{b}");
         ("b", alias "{c} * {d}");
         ("c", alias "(int, {b}) result");
         ("d", alias "float");
       ]);
  check_string "itself" "a" (order_of [ ("a", alias "{a} list") ]);
  check_string "others of the same name" "a t"
    (order_of [ ("a", alias "t * Other.t * 't"); ("t", alias "int") ])

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
     (** The calls themselves, for [Lwt_rust.Executor.run] in domains without \
     Lwt. *)\n\
     module Call : sig\n\
    \  val paint : color -> unit Lwt_rust.Executor.call\n\
     end\n"
    (interface
       [
         [ [ "type"; "krate::Unused"; "unused"; ""; "abstract"; ""; "" ] ];
         [
           [ "type"; "krate::Color"; "color"; ""; "variant"; ""; "A colour." ];
           [ "constructor"; "Red"; "As blood."; "" ];
           [ "constructor"; "Rgb"; ""; "int * int" ];
           [ "constructor"; "Named"; ""; "" ];
           [ "inline"; "name"; "In English."; "string" ];
         ];
         [
           [ "function"; "paint"; "promise"; ""; "unit" ];
           [ "argument"; "color"; ""; "{krate::Color}" ];
         ];
         [
           [
             "function";
             "mix";
             "direct";
             "Mixes\ncolours.";
             "({krate::Color}, string) result";
           ];
           [
             "argument";
             "f";
             "";
             "({krate::Color} -> {krate::Color} -> {krate::Color})";
           ];
           [ "argument"; "pairs"; ""; "({krate::Color} * {krate::Color}) list" ];
           [ "argument"; "last"; ""; "{krate::Color} option" ];
         ];
       ])

let parameters () =
  check_string "an interface"
    "(* Made by lwt-rust bindings from the crate krate. *)\n\n\
     type 't page = {\n\
    \  items : 't list;\n\
     }\n\n\
     type ('k, 'v) both = 'k page * 'v\n\n\
     val f : unit -> (string, int) both page\n\n"
    (interface
       [
         [
           [ "type"; "k::Both"; "both"; "('k, 'v)"; "alias"; ""; "" ]
           @ [ "'k {k::Page} * 'v" ];
         ];
         [
           [ "type"; "k::Page"; "page"; "'t"; "record"; ""; "" ];
           [ "field"; "items"; ""; "'t list" ];
         ];
         [
           [
             "function"; "f"; "direct"; ""; "(string, int) {k::Both} {k::Page}";
           ];
         ];
       ])

let exceptions () =
  let types = [ "type"; "krate::T"; "t"; ""; "alias"; ""; ""; "int" ] in
  let records =
    [
      [ types ];
      [
        [ "exceptions"; "krate"; "krate::E"; "e"; "e_stub"; "Of E." ];
        [ "exception"; "" ];
        [ "constructor"; "Closed"; "It is closed."; "" ];
        [ "exception"; "" ];
        [ "constructor"; "Failed"; ""; "int * {krate::T} list" ];
        [ "exception"; "" ];
        [ "constructor"; "Named"; ""; "" ];
        [ "inline"; "name"; ""; "string" ];
        [ "exception"; "Stdlib.Not_found" ];
        [ "constructor"; "Nothing"; ""; "" ];
        [ "exception"; "M.Pair" ];
        [ "constructor"; "Pair"; ""; "int * (int * int)" ];
        [ "exception"; "M.Inline" ];
        [ "constructor"; "Inline"; ""; "" ];
        [ "inline"; "size"; ""; "int" ];
      ];
    ]
  in
  check_string "an interface"
    "(* Made by lwt-rust bindings from the crate krate. *)\n\n\
     type t = int\n\n\
     (** Of E. *)\n\n\
     exception Closed\n\
     (** It is closed. *)\n\n\
     exception Failed of int * t list\n\n\
     exception Named of {\n\
    \  name : string;\n\
     }\n\n"
    (interface records);
  let text = Printer.implementation (parse records) in
  List.iter (check_contains text)
    [
      "module _ : sig\n\
      \  exception Nothing\n\
       end = struct\n\
      \  exception Nothing = Stdlib.Not_found\n\
       end\n";
      "  exception Pair of int * (int * int)\n\
       end = struct\n\
      \  exception Pair = M.Pair\n";
      "  exception Inline = M.Inline\n";
      "= \"e_stub\"";
      "      [%extension_constructor Failed];\n";
      "      [%extension_constructor M.Pair];\n";
    ]

(* {1 Modules} *)

let signature_of members records =
  let library = [ "library"; "k"; "k"; "" ] :: members in
  match Library.read ~crate:"k" (library :: records) with
  | Ok description ->
      Printer.interface description
      |> String.split_on_char '\n'
      |> List.filter (fun line -> String.trim line <> "")
      |> List.tl |> String.concat "\n"
  | Error problems -> Alcotest.fail (String.concat "; " problems)

let named name = [ "names"; name ]

let module_ rust name members =
  ([ "module"; rust; name; "" ] :: members) @ [ [ "end" ] ]

let func ?(owner = "") ?symbol path name result arguments =
  let symbol = Option.value symbol ~default:name in
  [ "function"; "k"; owner; path; name; symbol; ""; "direct"; ""; result ]
  :: List.map (fun ty -> [ "argument"; "x"; ""; ty ]) arguments

let alias_at path name ty = [ [ "type"; path; name; ""; "alias"; ""; ""; ty ] ]

let record_at path name fields =
  [ "type"; path; name; ""; "record"; ""; "" ]
  :: List.map (fun (name, ty) -> [ "field"; name; ""; ty ]) fields

let methods path = [ [ "methods"; "k"; path; path; "{" ^ path ^ "}"; "" ] ]
let abstract path name = [ [ "type"; path; name; ""; "abstract"; ""; "" ] ]

(* Types are in the modules that stand for theirs, and modules in the order in which they
   can be. *)
let modules_have_their_types () =
  check_string "modules"
    "type here = int\n\
     module B : sig\n\
    \  type t = here\n\
    \  val g : t -> t\n\
     end\n\
     module A : sig\n\
    \  type t = B.t list\n\
    \  module C : sig\n\
    \    type inner = B.t * t\n\
    \    val g : inner -> B.t -> t\n\
    \  end\n\
     end\n\
     val f : A.C.inner -> B.t -> here"
    (signature_of
       (module_ "a" "A" (module_ "c" "C" [ named "h" ])
       @ module_ "b" "B" [ named "g" ]
       @ [ named "f" ])
       [
         func "k::f" "f" "{k::Here}" [ "{k::a::c::Inner}"; "{k::b::T}" ];
         func ~symbol:"h" "k::a::c::g" "g" "{k::a::T}"
           [ "{k::a::c::Inner}"; "{k::b::T}" ];
         func "k::b::g" "g" "{k::b::T}" [ "{k::b::T}" ];
         alias_at "k::Here" "here" "int";
         alias_at "k::b::T" "t" "{k::Here}";
         alias_at "k::a::T" "t" "{k::b::T} list";
         alias_at "k::a::c::Inner" "inner" "{k::b::T} * {k::a::T}";
       ])

(* No order of the modules is right, so types are declared before them. *)
let modules_need_each_other () =
  check_string "a type and a module"
    "type client_t\n\
     (** The same as [Client.t]. *)\n\
     type event = {\n\
    \  source : client_t;\n\
     }\n\
     module Client : sig\n\
    \  type t = client_t\n\
    \  val next : t -> event\n\
     end\n\
     val f : Client.t -> event"
    (signature_of
       [ named "k::Client"; named "f" ]
       [
         abstract "k::Client" "client";
         methods "k::Client";
         record_at "k::Event" "event" [ ("source", "{k::Client}") ];
         func ~owner:"k::Client" "k::Client::next" "next" "{k::Event}"
           [ "{k::Client}" ];
         func "k::f" "f" "{k::Event}" [ "{k::Client}" ];
       ]);
  check_string "two modules"
    "type one_a = {\n\
    \  x : two_b;\n\
     }\n\
     (** The same as [One.a]. *)\n\
     and two_b = {\n\
    \  y : one_a;\n\
     }\n\
     (** The same as [Two.b]. *)\n\
     module One : sig\n\
    \  type a = one_a = {\n\
    \    x : two_b;\n\
    \  }\n\
    \  val f : unit -> a\n\
     end\n\
     module Two : sig\n\
    \  type b = two_b = {\n\
    \    y : One.a;\n\
    \  }\n\
    \  val g : unit -> b\n\
     end"
    (signature_of
       (module_ "one" "One" [ named "f" ] @ module_ "two" "Two" [ named "g" ])
       [
         record_at "k::one::A" "a" [ ("x", "{k::two::B}") ];
         record_at "k::two::B" "b" [ ("y", "{k::one::A}") ];
         func "k::one::f" "f" "{k::one::A}" [];
         func "k::two::g" "g" "{k::two::B}" [];
       ])

(* A type has several names, and all of them are the same type. *)
let names_are_the_same_type () =
  check_string "a hidden module"
    "module Http : sig\n\
    \  type client_t\n\
    \  (** The same as [Client.t]. *)\n\
    \  type reply = {\n\
    \    client : client_t;\n\
    \  }\n\
    \  module Client : sig\n\
    \    type t = client_t\n\
    \    val get : t -> reply\n\
    \  end\n\
     end\n\
     type http_reply = Http.reply = {\n\
    \  client : Http.Client.t;\n\
     }\n\
     (** The same as [Http.reply]. *)\n\
     module V2 : sig\n\
    \  module Http : sig\n\
    \    val old : http_reply -> http_reply\n\
    \  end\n\
     end"
    (signature_of
       (module_ "http" "Http" [ named "k::http::Client" ]
       @ module_ "v2" "V2" (module_ "http" "Http" [ named "old" ]))
       [
         abstract "k::http::Client" "client";
         methods "k::http::Client";
         record_at "k::http::Reply" "reply" [ ("client", "{k::http::Client}") ];
         func ~owner:"k::http::Client" "k::http::Client::get" "get"
           "{k::http::Reply}" [ "{k::http::Client}" ];
         func "k::v2::http::old" "old" "{k::http::Reply}" [ "{k::http::Reply}" ];
       ]);
  check_string "names of OCaml's"
    "type string_t = int\n\
     (** The same as [String.t]. *)\n\
     type both = string_t\n\
     module String : sig\n\
    \  type t = int\n\
    \  val both : t -> both\n\
     end\n\
     val f : unit -> string"
    (signature_of
       [ named "k::String"; named "f" ]
       [
         alias_at "k::String" "string" "int";
         alias_at "k::Both" "both" "{k::String}";
         methods "k::String";
         func ~owner:"k::String" "k::String::both" "both" "{k::Both}"
           [ "{k::String}" ];
         func "k::f" "f" "string" [];
       ])

(* A type that another one of its name hides has a second name. *)
let hidden_types_have_other_names () =
  check_string "hidden"
    "type t_ = int\n\
     (** The same as [t]. *)\n\
     type t = int\n\
     module One : sig\n\
    \  type t = t_ * string\n\
    \  val g : t -> t_\n\
     end\n\
     val f : unit -> t"
    (signature_of
       (named "f" :: module_ "one" "One" [ named "g" ])
       [
         alias_at "k::T" "t" "int";
         alias_at "k::one::T" "t" "{k::T} * string";
         func "k::f" "f" "{k::T}" [];
         func "k::one::g" "g" "{k::T}" [ "{k::one::T}" ];
       ])

(* Optional arguments come first, and are followed by one that is not. *)
let labels () =
  let func name arguments =
    [ "function"; name; "direct"; ""; "unit" ]
    :: List.map
         (fun (name, label) -> [ "argument"; name; label; "int" ])
         arguments
  in
  check_string "an interface"
    "(* Made by lwt-rust bindings from the crate krate. *)\n\n\
     val f : ?b:int -> int -> c:int -> unit\n\n\
     val g : ?a:int -> b:int -> unit -> unit\n\n\
     val h : a:int -> unit\n\n"
    (interface
       [
         func "f" [ ("a", ""); ("b", "optional"); ("c", "label") ];
         func "g" [ ("a", "optional"); ("b", "label") ];
         func "h" [ ("a", "label") ];
       ]);
  let text =
    Printer.implementation
      (parse [ func "f" [ ("a", ""); ("b", "optional"); ("c", "label") ] ])
  in
  check_contains text "external f : int -> int option -> int -> unit Lwt";
  check_contains text "let f ?b a ~c = Lwt_rust.Call.value (Call.f a b c)"

(* {1 Problems} *)

let problems records =
  match read records with
  | Ok _ -> Alcotest.fail "nothing is wrong"
  | Error problems -> String.concat "; " problems

let alias path name ty = [ [ "type"; path; name; ""; "alias"; ""; ""; ty ] ]
let takes ty = [ [ "function"; "f"; "direct"; ""; ty ] ]

let problems_are_told () =
  check_string "two types"
    "two Rust types are called t in OCaml, a::T and b::T: give one of them \
     another name with #[ocaml(name = \"...\")], or put the members of their \
     modules into modules in the library: mod http { get }"
    (problems
       [
         alias "a::T" "t" "int";
         alias "b::T" "t" "int";
         alias "c::T" "t" "int";
         takes "{a::T} * {b::T}";
       ]);
  check_string "two local types"
    "two Rust types have the path a::T, and are called t and t in OCaml: give \
     one of them another name in Rust"
    (problems
       [ alias "a::T" "t" "int"; alias "a::T" "t" "float"; takes "{a::T}" ]);
  check_string "two local types of two names"
    "two Rust types have the path a::T, and are called t and u in OCaml: give \
     one of them another name in Rust"
    (problems
       [ alias "a::T" "u" "float"; alias "a::T" "t" "int"; takes "{a::T}" ]);
  check_string "a name of OCaml's"
    "the type a::List would hide OCaml's list: give it another name with \
     #[ocaml(name = \"...\")]"
    (problems [ alias "a::List" "list" "int"; takes "{a::List}" ]);
  check_string "the type of nothing"
    "the type a::Unit would hide OCaml's unit: give it another name with \
     #[ocaml(name = \"...\")]"
    (problems [ alias "a::Unit" "unit" "int"; takes "{a::Unit} -> unit" ]);
  check_string "a variable"
    "the type a::T has a Poly in it: one can be an argument or a result, and \
     in tuples, lists and the like, but not in a type with a name"
    (problems [ alias "a::T" "t" "'a list"; takes "{a::T}" ]);
  check_string "a variable that is no parameter"
    "the type a::T has a Poly in it: one can be an argument or a result, and \
     in tuples, lists and the like, but not in a type with a name"
    (problems
       [
         [ [ "type"; "a::T"; "t"; "'t"; "alias"; ""; ""; "'t * 'tt" ] ];
         takes "int {a::T}";
       ]);
  check_string "a type by hand"
    "the Rust type a::T does not say what it is in OCaml: its trait has to be \
     derived"
    (problems [ takes "{a::T}" ]);
  let function_ path symbol =
    [ [ "function"; "k"; ""; path; "get"; symbol; ""; "direct"; ""; "unit" ] ]
  in
  let library = [ "library"; "k"; "k"; "" ] in
  let told what expected records =
    check_string what expected
      (match Library.read ~crate:"k" records with
      | Ok _ -> "nothing"
      | Error problems -> String.concat "; " problems)
  in
  told "two functions"
    "two functions are called get in OCaml, k::a::get and k::b::get: give one \
     of them another name with #[func(name = \"...\")], or put the members of \
     their modules into modules in the library: mod http { get }"
    [
      function_ "k::a::get" "s1";
      function_ "k::b::get" "s2";
      [ library; [ "names"; "s1" ]; [ "names"; "s2" ] ];
    ];
  let exceptions ?(same_as = "") path symbol =
    [
      [ "exceptions"; "k"; path; "e"; symbol; "" ];
      [ "exception"; same_as ];
      [ "constructor"; "Closed"; ""; "" ];
    ]
  in
  told "two exceptions"
    "two exceptions are called Closed in OCaml, of k::a::E and k::b::E: give \
     one of them another name with #[ocaml(name = \"...\")] on the variant"
    [
      exceptions "k::a::E" "s1";
      exceptions "k::b::E" "s2";
      [ library; [ "names"; "s1" ]; [ "names"; "s2" ] ];
    ];
  told "one exception for two"
    "two variants are OCaml's M.E, of k::a::E and k::b::E: Rust could not tell \
     which of them an exception stands for"
    [
      exceptions ~same_as:"M.E" "k::a::E" "s1";
      exceptions ~same_as:"M.E" "k::b::E" "s2";
      [ library; [ "names"; "s1" ]; [ "names"; "s2" ] ];
    ];
  told "two modules"
    "two modules are called A in OCaml, k::a and k::b: give one of them \
     another name with #[ocaml(name = \"...\")]"
    [ library :: (module_ "a" "A" [] @ module_ "b" "A" []) ];
  told "a module of ours"
    "the module of k::call would hide the module Call, which the bindings use: \
     give it another name with #[ocaml(name = \"...\")]"
    [ library :: module_ "call" "Call" [] ];
  told "a module of OCaml's"
    "the module of k::a::unix would hide the module Unix, which the bindings \
     use: give it another name with #[ocaml(name = \"...\")]"
    [
      library :: named "f" :: module_ "a" "A" (module_ "unix" "Unix" []);
      func "k::f" "f" "Unix.sockaddr list" [];
    ];
  told "a module that same_as names"
    "the module of k::unix would hide the module Unix, which the bindings use: \
     give it another name with #[ocaml(name = \"...\")]"
    [
      library :: named "f" :: module_ "unix" "Unix" [];
      [
        [ "type"; "k::Seek"; "seek"; ""; "variant"; "Unix.seek_command"; "" ];
        [ "constructor"; "SEEK_SET"; ""; "" ];
      ];
      func "k::f" "f" "{k::Seek}" [];
    ];
  told "two types of one path, of which one has methods"
    "two Rust types have the path k::T, and are called t and t in OCaml: give \
     one of them another name in Rust"
    [
      library :: [ named "k::T"; named "f" ];
      record_at "k::T" "t" [ ("x", "int") ];
      record_at "k::T" "t" [ ("x", "string") ];
      methods "k::T";
      func "k::f" "f" "{k::T}" [];
    ];
  told "two functions of two modules" "nothing"
    [
      function_ "k::a::get" "s1";
      function_ "k::b::get" "s2";
      library :: (module_ "a" "A" [ named "s1" ] @ [ named "s2" ]);
    ];
  told "two libraries" "the crate k has more than one lwt_rust::library![...]"
    [ [ library ]; [ library; [ "names"; "s1" ] ]; function_ "k::get" "s1" ];
  told "no library"
    "the crate k has to name its functions for OCaml, with \
     lwt_rust::library![...]"
    [ function_ "k::get" "s1"; [ [ "library"; "other"; "other"; "" ] ] ]

let strange_records_are_told () =
  let strange what record =
    check_string what
      (Printf.sprintf
         "the library's description of itself cannot be read (at \"%s\"): the \
          crate lwt-rust and this command must be of one release"
         what)
      (problems [ record ])
  in
  strange "new item" [ [ "new"; "item" ] ];
  strange "kind" [ [ "type"; "T"; "t"; ""; "kind"; ""; "" ] ];
  strange "way" [ [ "function"; "f"; "way"; ""; "unit" ] ];
  strange "field" [ [ "library"; "k"; "k"; "" ]; [ "field" ] ]

let forgotten_functions_are_known () =
  let function_ crate name =
    [
      [
        "function"; crate; ""; crate ^ "::" ^ name; name; name; ""; "direct"; "";
      ]
      @ [ "unit" ];
    ]
  in
  match
    Library.read ~crate:"a"
      [
        function_ "a" "named";
        function_ "a" "forgotten";
        function_ "a" "of_another";
        function_ "b" "other";
        [ [ "exceptions"; "a"; "a::Error"; "error"; "symbol"; "" ] ];
        [ [ "library"; "a"; "a"; "" ]; [ "names"; "named" ] ];
        [ [ "library"; "b"; "b"; "" ]; [ "names"; "of_another" ] ];
      ]
  with
  | Ok { forgotten; _ } ->
      Alcotest.(check (list string))
        "paths"
        [ "a::forgotten"; "a::Error" ]
        forgotten
  | Error problems -> Alcotest.fail (String.concat "; " problems)

(* {1 Files} *)

let check_records what expected text =
  Alcotest.(check (list (list (list string))))
    what expected (Records.of_string text)

let records_stand_among_other_bytes () =
  let mark = "\x7flwt_rust 1\n" in
  check_records "two"
    [ [ [ "a\n:."; "" ]; [ "b" ] ]; [ [ "a" ] ] ]
    ("\x7fELF\x00" ^ mark ^ "4:a\n:.0:\n1:b\n." ^ "\x00" ^ mark ^ mark ^ "."
   ^ mark ^ "1:a\n.");
  check_records "one that is there twice" [ [ [ "a" ] ] ]
    (mark ^ "1:a\n." ^ mark ^ "1:a\n.");
  List.iter
    (fun text -> check_records text [] (mark ^ text))
    [
      "";
      ".";
      "1";
      "1:";
      "1:a";
      "1:a\n";
      "2:a\n.";
      ":a\n.";
      "-1:a\n.";
      "1a\n.";
      "99999999999999999999:a\n.";
      "4611686018427387903:a\n.";
    ];
  check_records "of another release" [] "\x7flwt_rust 2\n1:a\n."

let libraries_are_refused () =
  let refused what path =
    match
      Result.map (Library.read ~crate:"lwt_rust_stubs") (Records.of_file path)
    with
    | Ok (Ok _) -> Alcotest.failf "%s has functions" path
    | Error message | Ok (Error [ message ]) -> check_contains message what
    | Ok (Error problems) -> Alcotest.fail (String.concat "; " problems)
  in
  refused "missing.so" "missing.so";
  (* The archive of lwt_rust alone has no functions for OCaml. *)
  refused "says nothing of Rust functions" Sys.argv.(1)

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
          case "parameters are declared" parameters;
          case "exceptions are declared" exceptions;
          case "arguments have labels" labels;
        ] );
      ( "modules",
        [
          case "have their types" modules_have_their_types;
          case "need each other" modules_need_each_other;
          case "have types with several names" names_are_the_same_type;
          case "hide types" hidden_types_have_other_names;
        ] );
      ( "problems",
        [
          case "are told" problems_are_told;
          case "of releases" strange_records_are_told;
          case "of forgotten functions" forgotten_functions_are_known;
        ] );
      ( "files",
        [
          case "have records among other bytes" records_stand_among_other_bytes;
          case "without records are refused" libraries_are_refused;
        ] );
    ]
