(* Rust reads a file with tokio, and a Lwt closure answers each line, sometimes
   after a pause. Rust adds the answers up. *)

open Lwt.Syntax

let () =
  let path = if Array.length Sys.argv > 1 then Sys.argv.(1) else "README.md" in
  let unended = ref 0 and in_hand = ref 0 and most = ref 0 and asked = ref 0 in
  let answer line =
    incr asked;
    incr in_hand;
    most := max !most !in_hand;
    if not (String.ends_with ~suffix:"\n" line) then incr unended;
    let+ () =
      if !asked mod 10 = 0 then Lwt_unix.sleep 0.001 else Lwt.return_unit
    in
    decr in_hand;
    String.length line
  in
  match Lwt_main.run (Demo.lines path answer) with
  | count, bytes ->
      Printf.printf "%d lines, %d bytes, as wc counts them\n" (count - !unended)
        bytes;
      Printf.printf "at most %d lines in hand at a time\n" !most
  | exception Lwt_rust.Error { message; _ } ->
      prerr_endline ("lines: " ^ message);
      exit 1
