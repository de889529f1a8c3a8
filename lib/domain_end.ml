(* Without this, the memory of a domain's roots would stay allocated after its end.
   Rust has to run a minor collection for it. *)
let give_back () = ignore (Raw.domain_end Gc.minor : unit Raw.outcome)
let is_ending = Domain.DLS.new_key (fun () -> false)
let has_begun () = Domain.DLS.get is_ending

let run f =
  if not (Domain.is_main_domain ()) then
    Domain.at_exit (fun () ->
        Domain.DLS.set is_ending true;
        Fun.protect ~finally:give_back f)

let storage : Obj.t list Domain.DLS.key = Domain.DLS.new_key (fun () -> [])
let keep value = Domain.DLS.set storage (value :: Domain.DLS.get storage)
