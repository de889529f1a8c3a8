type t = string list list

(* rust/core/src/description.rs has the same mark, and describes the format. *)
let mark = "\x7flwt_rust 1\n"

exception No_record

let byte text i = if i < String.length text then text.[i] else raise No_record

let rec number text i sum =
  match byte text i with
  | '0' .. '9' as digit when sum < String.length text ->
      number text (i + 1) ((sum * 10) + Char.code digit - Char.code '0')
  | ':' -> (sum, i + 1)
  | _ -> raise No_record

(* Each of these functions also returns the position behind the text that it
   read. *)

let field text i =
  let length, i = number text i 0 in
  if length > String.length text - i then raise No_record;
  (String.sub text i length, i + length)

let rec item text i =
  match byte text i with
  | '\n' -> ([], i + 1)
  | _ ->
      let field, i = field text i in
      let fields, i = item text i in
      (field :: fields, i)

let rec items text i =
  match byte text i with
  | '.' -> ([], i + 1)
  | _ ->
      let item, i = item text i in
      let others, i = items text i in
      (item :: others, i)

let has_mark text i =
  let length = String.length mark in
  i + length <= String.length text && String.sub text i length = mark

let of_string text =
  let rec find records i =
    match String.index_from_opt text i mark.[0] with
    | None -> List.rev records
    | Some i when not (has_mark text i) -> find records (i + 1)
    | Some i -> (
        match items text (i + String.length mark) with
        (* The code of lwt_rust itself contains the mark, with other texts
           behind it. In a build without optimisation this is a full stop. *)
        | [], _ -> find records (i + 1)
        (* A compiler may write a constant twice. *)
        | record, next when List.mem record records -> find records next
        | record, next -> find (record :: records) next
        | exception No_record -> find records (i + 1))
  in
  find [] 0

let of_file path =
  match In_channel.with_open_bin path In_channel.input_all with
  | exception Sys_error message -> Error message
  | text -> (
      match of_string text with
      | [] ->
          Error
            (Printf.sprintf
               "%s says nothing of Rust functions: it has to be the static or \
                the dynamic library, libNAME.a or dllNAME.so, of a crate that \
                uses lwt-rust, of the same release as this command"
               path)
      | records -> Ok records)
