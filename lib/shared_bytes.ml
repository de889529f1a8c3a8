type t = { shared : Raw.shared; start : int; length : int }
(* Rust reads and makes such records. *)

let length t = t.length

let is_part all start length =
  start >= 0 && length >= 0 && start <= all - length

let check name all start length =
  if not (is_part all start length) then
    invalid_arg
      (Printf.sprintf
         "Lwt_rust.Bytes.%s: there are %d bytes, and so no %d from position %d"
         name all length start)

let sub t start length =
  check "sub" t.length start length;
  { t with start = t.start + start; length }

let share source length =
  { shared = Outcome.get (Raw.bytes_share source 0 length); start = 0; length }

let of_string source = share source (String.length source)
let of_bytes source = share source (Bytes.length source)
let of_lwt_bytes source = share source (Lwt_bytes.length source)

let copy t start target target_start length =
  Outcome.get
    (Raw.bytes_copy t.shared (t.start + start) target target_start length)

let blit_to_bytes t start target target_start length =
  check "blit_to_bytes" t.length start length;
  check "blit_to_bytes" (Bytes.length target) target_start length;
  copy t start target target_start length

let blit_to_lwt_bytes t start target target_start length =
  check "blit_to_lwt_bytes" t.length start length;
  check "blit_to_lwt_bytes" (Lwt_bytes.length target) target_start length;
  copy t start target target_start length

let to_string t =
  let target = Bytes.create t.length in
  copy t 0 target 0 t.length;
  Bytes.unsafe_to_string target

let to_lwt_bytes t =
  let target = Lwt_bytes.create t.length in
  copy t 0 target 0 t.length;
  target

let compare (t : t) (other : t) = Outcome.get (Raw.bytes_compare t other)
let equal t other = t.length = other.length && compare t other = 0
