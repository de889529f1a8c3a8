(* Roots stand in pools of 16 kilobytes. A domain's current pool is kept when the
   domain ends, although it be empty; one that is not current is freed with the
   last root in it. A minor collection makes the current pool an old one. So
   there is a root, that of the function which is called, then a collection, and
   then the root goes. *)
let give_back () = ignore (Raw.domain_end Gc.minor : unit Raw.outcome)
let run f = Domain_id.at_exit (fun () -> Fun.protect ~finally:give_back f)
