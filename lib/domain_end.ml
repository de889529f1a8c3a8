(* Without this, the memory of the roots of a domain stays when it ends. It takes
   a minor collection. *)
let give_back () = ignore (Raw.domain_end Gc.minor : unit Raw.outcome)

let run f =
  if not (Domain.is_main_domain ()) then
    Domain.at_exit (fun () -> Fun.protect ~finally:give_back f)

let storage : Obj.t list Domain.DLS.key = Domain.DLS.new_key (fun () -> [])
let keep value = Domain.DLS.set storage (value :: Domain.DLS.get storage)
