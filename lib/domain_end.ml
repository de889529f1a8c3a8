(* Without this, the memory of the roots of a domain stays when it ends. It takes
   a minor collection. *)
let give_back () = ignore (Raw.domain_end Gc.minor : unit Raw.outcome)
let run f = Domain_id.at_exit (fun () -> Fun.protect ~finally:give_back f)
