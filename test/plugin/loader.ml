(* A domain loads Rust, gives it a value, and ends. No other domain has ever given Rust a
   value. *)

let load () =
  try Dynlink.loadfile Sys.argv.(1)
  with Dynlink.Error error -> failwith (Dynlink.error_message error)

let () =
  Domain.join (Domain.spawn load);
  for _ = 1 to 3 do
    ignore (Sys.opaque_identity (List.init 10_000 string_of_int) : string list);
    Gc.full_major ()
  done;
  !Check.it ()
