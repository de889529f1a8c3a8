let escape c =
  match c with
  | '{' | '}' | '[' | ']' | '@' -> Printf.sprintf "\\%c" c
  | c -> String.make 1 c

(* In code, only brackets that do not match have to be escaped. Those that match
   may be escaped too. *)
let code text =
  let buffer = Buffer.create (String.length text) in
  String.iter
    (function
      | ('[' | ']') as c -> Printf.bprintf buffer "\\%c" c
      | c -> Buffer.add_char buffer c)
    text;
  "[" ^ Buffer.contents buffer ^ "]"

let index_from text i pattern =
  let last = String.length text - String.length pattern in
  let rec find i =
    if i > last then None
    else if String.sub text i (String.length pattern) = pattern then Some i
    else find (i + 1)
  in
  find i

let between text first last = String.sub text first (last - first)

(* The text, the target and the end of a link that begins at [i]: [[text]],
   [[text](target)] or [[text][target]]. *)
let link text i =
  match index_from text i "]" with
  | None -> None
  | Some closing -> (
      let shown = between text (i + 1) closing in
      let target opening closing_bracket =
        match index_from text (closing + 2) closing_bracket with
        | Some last when text.[closing + 1] = opening ->
            Some (between text (closing + 2) last, last + 1)
        | Some _ | None -> None
      in
      if closing + 1 >= String.length text then Some (shown, "", closing + 1)
      else
        match (target '(' ")", target '[' "]") with
        | Some (target, last), _ | None, Some (target, last) ->
            Some (shown, target, last)
        | None, None -> Some (shown, "", closing + 1))

let is_address target =
  String.starts_with ~prefix:"http://" target
  || String.starts_with ~prefix:"https://" target

let rec inline text =
  let buffer = Buffer.create (String.length text) in
  let rec go i =
    if i < String.length text then
      match text.[i] with
      | '\\' when i + 1 < String.length text ->
          Buffer.add_string buffer (escape text.[i + 1]);
          go (i + 2)
      | '`' -> (
          let ticks = ref i in
          while !ticks < String.length text && text.[!ticks] = '`' do
            incr ticks
          done;
          let fence = between text i !ticks in
          match index_from text !ticks fence with
          | Some closing ->
              Buffer.add_string buffer
                (code (String.trim (between text !ticks closing)));
              go (closing + String.length fence)
          | None ->
              Buffer.add_string buffer fence;
              go !ticks)
      | '*' when i + 1 < String.length text && text.[i + 1] = '*' -> (
          match index_from text (i + 2) "**" with
          | Some closing ->
              Printf.bprintf buffer "{b %s}"
                (inline (between text (i + 2) closing));
              go (closing + 2)
          | None -> plain i)
      | '*' when i + 1 < String.length text && text.[i + 1] <> ' ' -> (
          match index_from text (i + 1) "*" with
          | Some closing ->
              Printf.bprintf buffer "{i %s}"
                (inline (between text (i + 1) closing));
              go (closing + 1)
          | None -> plain i)
      (* A reference to OCaml, {!Module.value}, is copied. *)
      | '{' when i + 1 < String.length text && text.[i + 1] = '!' -> (
          match index_from text i "}" with
          | Some closing ->
              Buffer.add_string buffer (between text i (closing + 1));
              go (closing + 1)
          | None -> plain i)
      | '[' -> (
          match link text i with
          | Some (shown, target, last) ->
              let shown = inline shown in
              Buffer.add_string buffer
                (if is_address target then
                   Printf.sprintf "{{:%s} %s}" target shown
                 else shown);
              go last
          | None -> plain i)
      | _ -> plain i
  and plain i =
    Buffer.add_string buffer (escape text.[i]);
    go (i + 1)
  in
  go 0;
  Buffer.contents buffer

let heading line =
  let marks = ref 0 in
  while !marks < String.length line && line.[!marks] = '#' do
    incr marks
  done;
  if !marks > 0 && !marks < String.length line && line.[!marks] = ' ' then
    Some (String.trim (between line !marks (String.length line)))
  else None

let fence line =
  let line = String.trim line in
  String.starts_with ~prefix:"```" line

let item line =
  let trimmed = String.trim line in
  if
    String.starts_with ~prefix:"- " trimmed
    || String.starts_with ~prefix:"* " trimmed
  then Some (between trimmed 2 (String.length trimmed))
  else None

(* OCaml's lexer reads comments too: it looks for their end, for comments in them, and for the
   ends of strings. So these have to be whole, or be something else. *)
let lexed text =
  let buffer = Buffer.create (String.length text) in
  let quotes = List.length (String.split_on_char '"' text) - 1 in
  let are_whole = quotes mod 2 = 0 && index_from text 0 "\\\"" = None in
  let is_next i c = i + 1 < String.length text && text.[i + 1] = c in
  (* Whether a quoted string, such as {id|...|id}, begins here. *)
  let rec begins_a_string i =
    i < String.length text
    &&
    match text.[i] with
    | '|' -> true
    | 'a' .. 'z' | '_' -> begins_a_string (i + 1)
    | _ -> false
  in
  String.iteri
    (fun i c ->
      match c with
      | '*' when is_next i ')' -> Buffer.add_string buffer "* "
      | '(' when is_next i '*' -> Buffer.add_string buffer "( "
      | '{' when begins_a_string (i + 1) -> Buffer.add_string buffer "{ "
      | '"' when not are_whole -> Buffer.add_string buffer "''"
      | c -> Buffer.add_char buffer c)
    text;
  Buffer.contents buffer

(* The lines of a paragraph are joined first, since code and links may go over
   the end of a line. *)
let of_markdown text =
  let buffer = Buffer.create (String.length text) in
  let flush paragraph =
    if paragraph <> [] then (
      Buffer.add_string buffer
        (inline (String.concat "\n" (List.rev paragraph)));
      Buffer.add_char buffer '\n')
  in
  let rec go paragraph = function
    | [] -> flush paragraph
    | line :: rest when fence line ->
        flush paragraph;
        Buffer.add_string buffer "{v\n";
        verbatim rest
    | line :: rest -> (
        match (heading line, item line) with
        | Some title, _ ->
            flush paragraph;
            Printf.bprintf buffer "{b %s.}\n" (inline title);
            go [] rest
        | None, Some text ->
            flush paragraph;
            go [ "- " ^ text ] rest
        | None, None when String.trim line = "" ->
            flush paragraph;
            Buffer.add_char buffer '\n';
            go [] rest
        | None, None -> go (String.trim line :: paragraph) rest)
  and verbatim = function
    | [] -> Buffer.add_string buffer "v}\n"
    | line :: rest when fence line ->
        Buffer.add_string buffer "v}\n";
        go [] rest
    | line :: rest ->
        Buffer.add_string buffer line;
        Buffer.add_char buffer '\n';
        verbatim rest
  in
  go [] (String.split_on_char '\n' text);
  lexed (String.trim (Buffer.contents buffer))
