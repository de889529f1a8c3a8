(* Without this, the memory of a domain's roots would stay allocated after its end.
   Rust has to run a minor collection for it. *)
let give_back () = ignore (Raw.domain_end Gc.minor : unit Raw.outcome)

(* The number of the thread that runs the hooks, or 0. *)
let thread = Domain.DLS.new_key (fun () -> 0)
let has_begun () = Domain.DLS.get thread <> 0
let this_thread () = Outcome.get (Raw.thread_number ())

let is_elsewhere () =
  let thread = Domain.DLS.get thread in
  thread <> 0 && thread <> this_thread ()

let run f =
  if not (Domain.is_main_domain ()) then
    Domain.at_exit (fun () ->
        Domain.DLS.set thread (this_thread ());
        Fun.protect ~finally:give_back f)

let storage : Obj.t list Domain.DLS.key = Domain.DLS.new_key (fun () -> [])
let keep value = Domain.DLS.set storage (value :: Domain.DLS.get storage)
