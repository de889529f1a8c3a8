(* What the plugin leaves for the program that loads it. *)
let it : (unit -> unit) ref = ref (fun () -> failwith "nothing was loaded")
